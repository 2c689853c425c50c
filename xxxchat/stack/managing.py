"""The environment of a management command beside a running stack."""

from collections.abc import Mapping, Sequence
from typing import Any

OWNERS_COMMANDS = frozenset({"demo_clock"})
"""Commands that change the database itself, which the role that runs the product may not."""


def environment_of(note: Mapping[str, Any], command: Sequence[str]) -> dict[str, str]:
    """Return the environment of the stack's processes; for the owner's commands with the owner's address."""
    environment: dict[str, str] = dict(note["environment"])
    if OWNERS_COMMANDS.intersection(command[:1]):
        environment["DATABASE_URL"] = note["database"]
    return environment
