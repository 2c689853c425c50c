"""Writing events, and editing the templates of their messages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from accounts.models import SUPPORT_ROLES, User
from core.batches import Statement
from core.clock import db_now
from core.context import request_id
from core.db import array, joined, lock_name, rows
from core.errors import NotFound, RoleNotAllowed, ValidationFailed
from live.feed import Message, Row, message_of
from live.models import MessageTemplate
from live.outbox import MAX_EVENT_AGE
from live.templates import EVENT_TYPES, EventType, fill, register, template_faults

__all__ = [
    "EDITOR_ROLES",
    "MAX_EVENT_AGE",
    "Event",
    "EventType",
    "Latest",
    "Message",
    "edit_template",
    "emission",
    "emit",
    "emit_once",
    "latest",
    "preview",
    "prune",
    "recent",
    "register",
    "seed_reference",
]

MAX_PRUNED_ROWS = 10_000
MAX_PRUNE_BATCHES = 500  # what 8,000 events a second leave in the ten minutes between two rounds
EDITOR_ROLES = SUPPORT_ROLES
LOCK = "live.template"
_encoder = DjangoJSONEncoder()

EMIT = """
INSERT INTO live_event (key, variables, room, recipient, request_id)
SELECT n.key, n.variables, n.room, n.recipient, n.request_id
  FROM ROWS FROM (
           unnest(%(keys)s::text[], %(rooms)s::uuid[], %(recipients)s::uuid[], %(request_ids)s::text[]),
           jsonb_array_elements(%(variables)s::jsonb)  -- a third of the work of an array of texts
       ) WITH ORDINALITY AS n (key, room, recipient, request_id, variables, place)
 ORDER BY n.place
"""
EMIT_ONCE = """
INSERT INTO live_event (key, variables, room, recipient, request_id)
SELECT n.*
  FROM (VALUES (%(key)s, %(variables)s::jsonb, %(room)s::uuid, %(recipient)s::uuid, %(request_id)s))
       AS n (key, variables, room, recipient, request_id)
 WHERE NOT EXISTS (
       SELECT FROM live_event e
        WHERE e.xid = pg_current_xact_id() AND e.key = n.key AND e.variables = n.variables
          AND e.room IS NOT DISTINCT FROM n.room AND e.recipient IS NOT DISTINCT FROM n.recipient)
"""
LATEST = """
SELECT (SELECT count(*) FROM live_messagetemplate) AS templates,
       ARRAY(SELECT n.xid || '-' || n.id FROM live_event n WHERE n.room = %(room)s AND n.key = ANY (%(keys)s)
              ORDER BY n.xid DESC, n.id DESC LIMIT %(limit)s) AS ids
"""
RECENT = """
SELECT e.xid::text::bigint AS xid, e.id, e.key, e.variables, e.at,
       coalesce((SELECT t.text FROM live_messagetemplate t WHERE t.key = e.key ORDER BY t.version DESC LIMIT 1), '')
           AS text
  FROM (SELECT n.*, lag(n.key) OVER (ORDER BY n.xid DESC, n.id DESC) AS newer FROM live_event n
         WHERE n.room = %(room)s AND n.key = ANY (%(keys)s)) e
 WHERE e.key <> ALL (%(folded)s::text[]) OR e.newer IS DISTINCT FROM e.key
 ORDER BY e.xid DESC, e.id DESC LIMIT %(limit)s
"""
PRUNE = "SELECT live_prune(before => %(before)s, at_most => %(at_most)s) AS rows"


@dataclass(slots=True)
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
    statement = emission([(event, request_id()) for event in events])
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)


def emission(events: Sequence[tuple[Event, str]]) -> Statement:
    """Return the statement that writes events, each with its request's id, in their order."""
    params = {
        "request_ids": array([of_request for _, of_request in events]),
        "keys": array([event.key for event, _ in events]),
        "variables": _written([event.variables for event, _ in events]),
        "rooms": array([event.room_id for event, _ in events]),
        "recipients": array([event.recipient_id for event, _ in events]),
    }
    return Statement(EMIT, params, rows=len(events))


def _written(variables: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(variables, default=_encoder.default, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def emit_once(event: Event) -> None:
    """Write the event unless the caller's transaction has written just this one already (one statement)."""
    given = {
        "key": event.key,
        "variables": _written(event.variables),
        "room": event.room_id,
        "recipient": event.recipient_id,
        "request_id": request_id(),
    }
    with connection.cursor() as cursor:
        cursor.execute(EMIT_ONCE, given)


@dataclass(frozen=True)
class Latest:
    """Which events of a room are its newest, and how many texts of messages there ever were."""

    ids: tuple[str, ...]
    templates: int


def latest(room_id: UUID, *, limit: int) -> Latest:
    """Return the ids of a room's newest events (one statement, a tenth of what `recent` costs).

    While it is the same, so is `recent` with this limit, but for folded events: of them it may show older ones, which
    are deleted once they are older than `MAX_EVENT_AGE`.
    """
    (found,) = rows(LATEST, {"room": room_id, "keys": _room_keys(), "limit": limit})
    return Latest(tuple(found["ids"]), found["templates"])


def recent(room_id: UUID, *, limit: int, folded: Sequence[str] = ()) -> list[Message]:
    """Return the latest messages of a room, newest first, by the templates in force (one statement).

    Of consecutive events with the same key in `folded` only the newest is returned. Waits for no open transaction:
    what commits after this call comes by a stream opened before it, and may sort before an event returned here.
    """
    found = rows(RECENT, {"room": room_id, "keys": _room_keys(), "limit": limit, "folded": list(folded)})
    return [
        message_of(
            Row(each["xid"], each["id"], each["key"], json.loads(each["variables"]), room_id, None, each["at"]),
            each["text"],
            kind="room",
        )
        for each in found
    ]


def _room_keys() -> list[str]:
    return sorted(key for key, event_type in EVENT_TYPES.items() if event_type.room_variables)


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
