"""Writing events, and the words for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from string import Template
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from core.clock import db_now
from core.context import request_id
from core.db import rows
from live.models import MessageTemplate

KEEP = timedelta(hours=24)
PRUNE_AT_MOST = 10_000
PRUNE_ROUNDS = 100
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


@dataclass(frozen=True)
class Event:
    """A template key with its variables (ids, numbers and titles; no personal data), for a room, a person, or both."""

    key: str
    variables: Mapping[str, Any]
    room_id: UUID | None = None
    recipient_id: UUID | None = None


def emit(events: Sequence[Event]) -> None:
    """Write the events into the outbox, in their order, in the caller's transaction (one statement; none for none)."""
    if not events:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO live_event (key, variables, room, recipient, request_id)"
            " SELECT key, variables::jsonb, room, recipient, %s"
            " FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::uuid[])"
            " WITH ORDINALITY AS given (key, variables, room, recipient, place) ORDER BY place",
            [
                request_id(),
                [event.key for event in events],
                [json.dumps(event.variables, cls=DjangoJSONEncoder) for event in events],
                [event.room_id for event in events],
                [event.recipient_id for event in events],
            ],
        )


def render(key: str, variables: Mapping[str, Any]) -> str:
    """Return the words for one event as plain text, by the template's highest version (one statement)."""
    newest = MessageTemplate.objects.filter(key=key).order_by("-version").values_list("text", flat=True).first()
    return fill(newest or "", variables)


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """Put the variables into a template's text. A name that is not given stays as it is written."""
    return Template(text).safe_substitute(variables)


def seed_reference() -> None:
    """Make sure that every shipped key has words; words that staff have edited stay (one statement)."""
    MessageTemplate.objects.bulk_create(
        [MessageTemplate(key=key, version=1, text=text) for key, text in WORDS.items()], ignore_conflicts=True
    )


def prune(*, keep: timedelta = KEEP, at_most: int = PRUNE_AT_MOST) -> int:
    """Delete events older than `keep` and return how many went, in transactions of at most `at_most` rows each."""
    before, gone = db_now() - keep, 0
    for _ in range(PRUNE_ROUNDS):
        (pruned,) = rows("SELECT live_prune(%s, %s) AS rows", [before, at_most])
        gone += pruned["rows"]
        if pruned["rows"] < at_most:
            break
    return gone
