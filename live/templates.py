"""Event types, as the apps declare them, and the rules for the text of a message. Pure: no database."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

MAX_TEMPLATE_CHARS = 400


@dataclass(frozen=True, kw_only=True)
class EventType:
    """A template key: its shipped text, what every event of it carries (with an example), and what a room may see.

    A room gets no event of a type without `room_variables`, and no variable that is not among them.
    `tests/architecture` compares the example with what the services write.
    """

    key: str
    text: str
    example: Mapping[str, Any]
    room_variables: frozenset[str] = frozenset()


EVENT_TYPES: dict[str, EventType] = {}
"""By key; filled by `event_types.py` of each app when Django starts."""


def register(*event_types: EventType) -> None:
    """Declare event types. Called by the `event_types` module of the app that emits them."""
    EVENT_TYPES.update((each.key, each) for each in event_types)


def room_variables(key: str) -> frozenset[str]:
    """Return the variables that a room may see of events of this key; none if it may see no such event."""
    return EVENT_TYPES[key].room_variables if key in EVENT_TYPES else frozenset()


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """Put the variables into a template's text. A name without a value stays as it is written."""
    return Template(text).safe_substitute(variables)


def template_faults(key: str, text: str) -> list[str]:
    """Return what is wrong with this text as the template of this key; empty if it may be used."""
    if not text:
        return ["Words are needed."]
    faults = []
    if len(text) > MAX_TEMPLATE_CHARS:
        faults.append(f"{len(text)} letters; {MAX_TEMPLATE_CHARS} at most.")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text):
        faults.append("One line of plain text, without control characters.")
    template = Template(text)
    if not template.is_valid():
        faults.append("A $ that begins no variable is written $$.")
    known = EVENT_TYPES[key].example
    unknown = [name for name in template.get_identifiers() if name not in known]
    if unknown:
        named = ", ".join(f"${name}" for name in unknown)
        faults.append(f"{key} has no {named}. It has {', '.join(f'${name}' for name in known)}.")
    return faults
