"""The SQL of commands on items, constant: the locked item with its queue, who comes next, what has changed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection

from core import db
from perfqueue.models import PerformerQueue, QueueItem, State, Transition, columns_of

FRONT = 3
"""So many of those who wait may have a notice or a rope drop."""
_QUEUE_COLUMNS = ("performer_id", "is_open", "is_paused", "rope_drop_s", "grace_s", "abandon_policy", "away_at")
_UNREAD = {"description", "idempotency_key", "source_event_id", "metadata", "award"}
_ITEM_COLUMNS = tuple(f.attname for f in QueueItem._meta.concrete_fields if f.attname not in _UNREAD)
_CHANGING = (
    "id",
    "state",
    "started_at",
    "ended_at",
    "rope_drop_at",
    "rope_drop_left_ms",
    "deadline_at",
    "resolve_by",
    "settle_tokens",
    "refund_tokens",
    "cause",
    "reason",
    "third_noticed",
    "next_noticed",
)
_LOCK_ITEM = f"""
SELECT l.now, {", ".join(f"(l.queue).{name}" for name in _QUEUE_COLUMNS)},
       {", ".join(f"(l.item).{name}" for name in _ITEM_COLUMNS)}
  FROM perfqueue_lock_item(p_item => %s) l
"""  # noqa: S608  composed of columns
_FRONTS = f"""
SELECT q.performer_id, {", ".join(f"i.{name}" for name in _ITEM_COLUMNS)}
  FROM unnest(%(performers)s::uuid[]) AS q (performer_id)
 CROSS JOIN LATERAL (
       (SELECT * FROM perfqueue_queueitem s
         WHERE s.performer_id = q.performer_id AND s.state = 'started' AND s.fulfilment = 'performed'
           AND s.id <> ALL (%(without)s::uuid[]))
        UNION ALL
       (SELECT * FROM perfqueue_queueitem w
         WHERE w.performer_id = q.performer_id AND w.state = 'created' AND w.id <> ALL (%(without)s::uuid[])
         ORDER BY w.turn LIMIT {FRONT})) i
 ORDER BY i.turn
"""  # noqa: S608  composed of columns
_CHANGE = "SELECT perfqueue_change(p_items => %s::jsonb, p_transitions => %s::jsonb)"


@dataclass(frozen=True)
class Front:
    """A queue's started item and the first that wait, by turn; beside them the item of a command."""

    items: list[QueueItem]

    @property
    def has_started(self) -> bool:
        return any(item.state == State.STARTED for item in self.items)

    @property
    def waiting(self) -> list[QueueItem]:
        """The first three that are created now, head first."""
        return [item for item in self.items if item.state == State.CREATED][:FRONT]


@dataclass(frozen=True)
class LockedRows:
    """A locked queue, without the columns that no command on an item needs; its front, with the locked item."""

    now: datetime
    queue: PerformerQueue
    front: Front


def lock_item(item_id: UUID) -> LockedRows | None:
    """Lock the queue of a performed item, then the item, and read both (one statement); None: no such item."""
    found = _tuples(_LOCK_ITEM, [item_id])
    if not found:
        return None
    queued = 1 + len(_QUEUE_COLUMNS)
    queue = PerformerQueue.from_db(DEFAULT_DB_ALIAS, _QUEUE_COLUMNS, found[0][1:queued])
    return LockedRows(found[0][0], queue, Front([_item(row[queued:]) for row in found]))


def fronts(performer_ids: Sequence[UUID], *, without: Collection[UUID] = ()) -> dict[UUID, Front]:
    """Each queue's front, these items left out (one statement)."""
    found = {performer_id: Front([]) for performer_id in performer_ids}
    for row in _tuples(_FRONTS, {"performers": list(performer_ids), "without": list(without)}):
        found[row[0]].items.append(_item(row[1:]))
    return found


def change(items: Iterable[QueueItem], steps: Iterable[Transition]) -> None:
    """Write the states, times, amounts, causes and notices of locked items, and their steps (one statement)."""
    changed = [{name: getattr(item, name) for name in _CHANGING} for item in items]
    values = [changed, [columns_of(step) for step in steps]]
    db.rows(_CHANGE, [orjson.dumps(each).decode() for each in values])


def _item(values: Sequence[Any]) -> QueueItem:
    return QueueItem.from_db(DEFAULT_DB_ALIAS, _ITEM_COLUMNS, values)


def _tuples(sql: str, params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
