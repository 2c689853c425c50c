"""Writing events, and editing the templates of their messages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from accounts.models import SUPPORT_ROLES, User
from core.clock import db_now
from core.context import request_id
from core.db import joined, lock_name, rows
from core.errors import NotFound, RoleNotAllowed, ValidationFailed
from live.feed import Message, Row, message_of
from live.models import MessageTemplate
from live.templates import EVENT_TYPES, EventType, fill, register, template_faults

__all__ = [
    "EDITOR_ROLES",
    "Event",
    "EventType",
    "Message",
    "edit_template",
    "emit",
    "preview",
    "prune",
    "recent",
    "register",
    "seed_reference",
]

MAX_EVENT_AGE = timedelta(hours=24)
MAX_PRUNED_ROWS = 10_000
MAX_PRUNE_BATCHES = 100
EDITOR_ROLES = SUPPORT_ROLES
LOCK = "live.template"

RECENT = """
SELECT e.xid::text::bigint AS xid, e.id, e.key, e.variables, e.at,
       coalesce((SELECT t.text FROM live_messagetemplate t WHERE t.key = e.key ORDER BY t.version DESC LIMIT 1), '')
           AS text
  FROM (SELECT n.*, lag(n.key) OVER (ORDER BY n.xid DESC, n.id DESC) AS newer FROM live_event n
         WHERE n.room = %(room)s AND n.key = ANY (%(keys)s) AND n.xid < pg_snapshot_xmin(pg_current_snapshot())) e
 WHERE e.key <> ALL (%(folded)s::text[]) OR e.newer IS DISTINCT FROM e.key
 ORDER BY e.xid DESC, e.id DESC LIMIT %(limit)s
"""
PRUNE = "SELECT live_prune(before => %(before)s, at_most => %(at_most)s) AS rows"


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


def recent(room_id: UUID, *, limit: int, folded: Sequence[str] = ()) -> list[Message]:
    """Return the latest messages of a room, newest first, by the templates in force (one statement).

    Of consecutive events with the same key in `folded` only the newest is returned. Reads below the oldest
    transaction still running, as the streams do: together with a stream opened before this call there is no gap, and
    no later event sorts before one returned here.
    """
    keys = sorted(key for key, event_type in EVENT_TYPES.items() if event_type.room_variables)
    found = rows(RECENT, {"room": room_id, "keys": keys, "limit": limit, "folded": list(folded)})
    return [
        message_of(
            Row(each["xid"], each["id"], each["key"], json.loads(each["variables"]), room_id, None, each["at"]),
            each["text"],
            kind="room",
        )
        for each in found
    ]


def preview(*, key: str, text: str) -> str:
    """Return this text as the message of `key`, filled with its example variables.

    Raises:
        NotFound: there is no such key; ValidationFailed: the text cannot be its template.
    """
    return fill(_checked(key, text), EVENT_TYPES[key].example)


def edit_template(*, key: str, text: str, actor: User) -> MessageTemplate:
    """Write the next version of a key's template; earlier versions are kept. Pages use it within seconds.

    Locks the key's name (advisory): two concurrent edits become two versions.

    Raises:
        RoleNotAllowed, NotFound, ValidationFailed (empty, too long, an unknown variable, unchanged): nothing was
        written.
    """
    if actor.role not in EDITOR_ROLES:
        raise RoleNotAllowed
    checked = _checked(key, text)
    with joined():
        lock_name(f"{LOCK}:{key}")
        newest = MessageTemplate.objects.filter(key=key).order_by("-version").first()
        if newest is not None and newest.text == checked:
            raise ValidationFailed(text=["These are the words already."])
        version = newest.version + 1 if newest else 1
        return MessageTemplate.objects.create(key=key, version=version, text=checked, author=actor.pk)


def _checked(key: str, text: str) -> str:
    if key not in EVENT_TYPES:
        raise NotFound
    stripped = text.strip()
    faults = template_faults(key, stripped)
    if faults:
        raise ValidationFailed(text=faults)
    return stripped


def seed_reference() -> None:
    """Insert the shipped text of every event type; edited templates stay (one statement)."""
    MessageTemplate.objects.bulk_create(
        [MessageTemplate(key=each.key, version=1, text=each.text) for each in EVENT_TYPES.values()],
        ignore_conflicts=True,
    )


def prune(*, keep: timedelta = MAX_EVENT_AGE, at_most: int = MAX_PRUNED_ROWS) -> int:
    """Delete events older than `keep`, in transactions of at most `at_most` rows each; return how many."""
    before, deleted = db_now() - keep, 0
    for _ in range(MAX_PRUNE_BATCHES):
        (pruned,) = rows(PRUNE, {"before": before, "at_most": at_most})
        deleted += pruned["rows"]
        if pruned["rows"] < at_most:
            break
    return deleted
