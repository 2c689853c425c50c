"""Writing events, and the words for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from accounts.models import SUPPORT, User
from core.clock import db_now
from core.context import request_id
from core.db import joined, lock_name, rows
from core.errors import NotFound, RoleNotAllowed, ValidationFailed
from live.feed import ROOM_KEYS, Row, Told, told
from live.models import MessageTemplate
from live.words import EXAMPLES, WORDS, faults_of, fill

__all__ = [
    "EDITORS",
    "WORDS",
    "Event",
    "Told",
    "emit",
    "fill",
    "preview",
    "prune",
    "recent",
    "render",
    "reword",
    "seed_reference",
]

KEEP = timedelta(hours=24)
PRUNE_AT_MOST = 10_000
PRUNE_ROUNDS = 100
EDITORS = SUPPORT
LOCK = "live.words"


RECENT = """
SELECT e.xid::text::bigint AS xid, e.id, e.key, e.variables, e.at,
       coalesce((SELECT t.text FROM live_messagetemplate t WHERE t.key = e.key ORDER BY t.version DESC LIMIT 1), '')
           AS text
  FROM (SELECT n.*, lag(n.key) OVER (ORDER BY n.xid DESC, n.id DESC) AS newer FROM live_event n
         WHERE n.room = %(room)s AND n.key = ANY (%(keys)s) AND n.xid < pg_snapshot_xmin(pg_current_snapshot())) e
 WHERE e.key <> ALL (%(folded)s::text[]) OR e.newer IS DISTINCT FROM e.key
 ORDER BY e.xid DESC, e.id DESC LIMIT %(limit)s
"""


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


def recent(room_id: UUID, *, limit: int, folded: Sequence[str] = ()) -> list[Told]:
    """Return what a room was told last, newest first, with the words of now (one statement).

    Of `folded` keys only the newest of a row without others in between.

    It reads below the oldest transaction still running, as the streams do: a stream opened before this look and what
    is seen here leave no gap between them, and nothing later will ever stand below what is seen here.
    """
    found = rows(RECENT, {"room": room_id, "keys": sorted(ROOM_KEYS), "limit": limit, "folded": list(folded)})
    return [
        told(
            Row(each["xid"], each["id"], each["key"], json.loads(each["variables"]), room_id, None, each["at"]),
            each["text"],
            kind="room",
        )
        for each in found
    ]


def preview(*, key: str, text: str) -> str:
    """Return what this text would say as the words of `key`, filled with its example variables.

    Raises:
        NotFound: there is no such key; ValidationFailed: the text cannot be its words.
    """
    return fill(_checked(key, text), EXAMPLES[key])


def reword(*, key: str, text: str, actor: User) -> MessageTemplate:
    """Give a key new words, as its next version; the words before stay on record. Pages say them within seconds.

    Locks the words' name: two edits at once become two versions.

    Raises:
        RoleNotAllowed, NotFound, ValidationFailed (empty, too long, a variable that the key does not have, nothing
        new): nothing was written.
    """
    if actor.role not in EDITORS:
        raise RoleNotAllowed
    words = _checked(key, text)
    with joined():
        lock_name(f"{LOCK}:{key}")
        newest = MessageTemplate.objects.filter(key=key).order_by("-version").first()
        if newest is not None and newest.text == words:
            raise ValidationFailed(text=["These are the words already."])
        version = newest.version + 1 if newest else 1
        return MessageTemplate.objects.create(key=key, version=version, text=words, author=actor.pk)


def _checked(key: str, text: str) -> str:
    if key not in EXAMPLES:
        raise NotFound
    words = text.strip()
    faults = faults_of(key, words)
    if faults:
        raise ValidationFailed(text=faults)
    return words


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
