"""The words of messages: which keys there are, what each may name, what is wrong with a text. Pure: no database."""

import unicodedata
from collections.abc import Mapping
from string import Template
from typing import Any

MOST = 400
# The words shipped with the product. A room sees no variables but those of live.feed.ROOM_VARIABLES, so the words of
# queue.item.* use no others; buyers read what happened to their tokens from the item itself.
WORDS = {
    "queue.item.created": "Someone asked for “$title”.",
    "queue.item.started": "“$title” is on stage.",
    "queue.item.finished": "“$title” is done.",
    "queue.item.abandoned": "“$title” was stopped.",
    "queue.item.refunded": "“$title” left the line. The tokens are back with the buyer.",
    "queue.item.third_position_notice": "“$title” is third in line.",
    "queue.item.next_notice": "“$title” is next.",
    "wallet.tokens.credited": "$tokens tokens have arrived.",
    "wallet.tokens.charged_back": "A payment was taken back: $tokens tokens less, $owed of them owed.",
    "escrow.hold.opened": "$amount ($currency) are held for $feature.",
    "menu.changed": "The menu has changed.",
    "slots.spin": "Spin $nonce paid $payout points.",
}
STATES = ("created", "started", "finished", "abandoned", "refunded")
ITEM = {
    "itemId": "01936f0e-7c1a-7d2e-9b1f-0a5d3c2b1e4f",
    "performerId": "01936f0e-2b44-7a10-8c3d-5e6f7a8b9c0d",
    "title": "Request a song",
}
# What every event of a key carries, and everybody who hears it is shown, each with an example.
# tests/architecture holds it against what the services really write.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    **{f"queue.item.{state}": {**ITEM, "state": state} for state in STATES},
    "queue.item.third_position_notice": {**ITEM, "state": "created"},
    "queue.item.next_notice": {**ITEM, "state": "created"},
    "wallet.tokens.credited": {"tokens": 500, "title": "Pocket"},
    "wallet.tokens.charged_back": {"tokens": 500, "owed": 120},
    "escrow.hold.opened": {"amount": 40, "currency": "TOKEN", "feature": "arcade"},
    "menu.changed": {"menuId": "01936f0e-5d10-7f3b-a2c4-1b2d3e4f5a6b"},
    "slots.spin": {
        "spinId": "01936f0e-9a31-7c55-b0de-3f2e1d0c9b8a",
        "nonce": 12,
        "symbols": ["cherry", "cherry", "bell"],
        "bet": 100,
        "payout": 40,
    },
}


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """Put the variables into a template's text. A name that is not given stays as it is written."""
    return Template(text).safe_substitute(variables)


def faults_of(key: str, text: str) -> list[str]:
    """Say what keeps this text from being the words of this key; nothing if it may be."""
    if not text:
        return ["Words are needed."]
    faults = []
    if len(text) > MOST:
        faults.append(f"{len(text)} letters; {MOST} at most.")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text):
        faults.append("One line of plain text, without control characters.")
    template = Template(text)
    if not template.is_valid():
        faults.append("A $ that begins no variable is written $$.")
    known = EXAMPLES[key]
    unknown = [name for name in template.get_identifiers() if name not in known]
    if unknown:
        named = ", ".join(f"${name}" for name in unknown)
        faults.append(f"{key} has no {named}. It has {', '.join(f'${name}' for name in known)}.")
    return faults
