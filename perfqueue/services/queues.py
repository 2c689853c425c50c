"""The lock of one performer's queue, and the rope drop and notices of those who wait in it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from django.db.models import QuerySet

import live.services
from accounts.models import User
from core import db
from core.clock import db_now
from core.errors import Forbidden, NotFound
from perfqueue.models import MAX_ROPE_DROP_S, Fulfilment, PerformerQueue, QueueItem, State
from perfqueue.services import events, storage
from perfqueue.services.storage import Front

THIRD = 3


@dataclass
class LockedQueue:
    """A locked queue. `now` is the database's clock, and `front` was read, after the lock."""

    row: PerformerQueue
    _now: datetime | None = field(default=None)
    _front: Front | None = field(default=None)

    @property
    def now(self) -> datetime:
        if self._now is None:
            self._now = db_now()
        return self._now

    def set_now(self, now: datetime) -> None:
        """Take a clock reading that came with another statement after the lock."""
        self._now = self._now or now

    @property
    def front(self) -> Front:
        """Its started item and the first that wait; also the item of a command, which reads it with the lock."""
        if self._front is None:
            self._front = storage.fronts([self.performer_id])[self.performer_id]
        return self._front

    def set_front(self, front: Front | None) -> None:
        """Take a front that came with another statement after the lock; None: read it again when it is needed."""
        self._front = front

    @property
    def has_front(self) -> bool:
        return self._front is not None

    @property
    def performer_id(self) -> UUID:
        performer_id: UUID = self.row.pk
        return performer_id

    def rope_drop_runs(self, *, has_started: bool) -> bool:
        """Whether the head's rope drop runs: open, not paused, no item started, the performer not away."""
        row = self.row
        return rope_drop_runs(row.is_open, row.is_paused, is_away=row.away_at is not None, has_started=has_started)

    def arm_head(self) -> list[live.services.Event]:
        """Arm or stop the head's rope drop and return the notices now due (at most two statements).

        Called at the end of every command that changed the queue alone; `transitions.apply` does it for those on items.
        """
        changed, notices = arm_heads([self])
        if changed:
            storage.change(changed, [])
        return notices

    def armed(self) -> tuple[list[QueueItem], list[live.services.Event]]:
        """The same in memory: the items changed, and the notices."""
        front = self.front
        running = self.rope_drop_runs(has_started=front.has_started)
        changed, notices = [], []
        for position, item in enumerate(front.waiting, start=1):
            may_turn = position == 1 or item.rope_drop_at is not None
            turned = may_turn and self._set_rope_drop(item, running=running and position == 1)
            notice = due_notice(item, position)
            if notice is not None:
                notices.append(notice)
            if turned or notice is not None:
                changed.append(item)
        return changed, notices

    def _set_rope_drop(self, item: QueueItem, *, running: bool) -> bool:
        """Start the rope drop with what was left of it, or stop it and keep what is left. True if it changed."""
        if running and item.rope_drop_at is None:
            left = self.row.rope_drop_s * 1000 if item.rope_drop_left_ms is None else item.rope_drop_left_ms
            item.rope_drop_at, item.rope_drop_left_ms = self.now + timedelta(milliseconds=left), None
            return True
        if not running and item.rope_drop_at is not None:
            stopped_at = min(self.now, self.row.away_at or self.now)  # an absence is carried out after it began
            left = max(0, round((item.rope_drop_at - stopped_at).total_seconds() * 1000))
            item.rope_drop_left_ms, item.rope_drop_at = min(left, MAX_ROPE_DROP_S * 1000), None
            return True
        return False


def arm_heads(
    queues: Sequence[LockedQueue], *, moved: Collection[QueueItem] = ()
) -> tuple[list[QueueItem], list[live.services.Event]]:
    """Arm or stop the rope drop of each queue's head in memory; return the items changed and the notices now due.

    One statement, none if the queues' fronts are known. `moved`: items with a step that is not stored yet.
    """
    unread = {queue.performer_id: queue for queue in queues if not queue.has_front}
    if unread:
        for performer_id, front in storage.fronts(list(unread), without=[item.id for item in moved]).items():
            unread[performer_id].set_front(front)
    changed: list[QueueItem] = []
    notices: list[live.services.Event] = []
    for queue in queues:
        armed, due = queue.armed()
        changed += armed
        notices += due
        queue.set_front(None)  # one of it may have left
    return changed, notices


def rope_drop_runs(is_open: bool, is_paused: bool, *, is_away: bool, has_started: bool) -> bool:
    return is_open and not is_paused and not is_away and not has_started


class Noticed(events.Shown, Protocol):
    """An item that knows which notices its buyer has had."""

    next_noticed: bool
    third_noticed: bool


def due_notice(item: Noticed, position: int) -> live.services.Event | None:
    """The notice that the buyer is due at this position, marked on the item; each once per item."""
    if position == 1 and not item.next_noticed:
        item.next_noticed = True
        return events.of_item("queue.item.next_notice", item, to_room=False)
    if position == THIRD and not item.third_noticed:
        item.third_noticed = True
        return events.of_item("queue.item.third_position_notice", item, to_room=False)
    return None


def waiting(performer_id: UUID) -> QuerySet[QueueItem]:
    """The created items, head first."""
    return QueueItem.objects.filter(performer_id=performer_id, state=State.CREATED).order_by("turn")


def started_item(performer_id: UUID) -> QueueItem | None:
    """The started item, unlocked (one statement)."""
    return QueueItem.objects.filter(
        performer_id=performer_id, state=State.STARTED, fulfilment=Fulfilment.PERFORMED
    ).first()


@contextmanager
def locked_queue(performer_id: UUID) -> Iterator[LockedQueue]:
    """Lock one performer's queue in the caller's transaction, or in one of its own.

    A feature that buys a performed item enters it before it opens the hold.

    Raises:
        NotFound: no such queue; QueueBusy (by the lock time-out): nothing was written.
    """
    with db.joined():
        yield LockedQueue(lock_queues([performer_id])[performer_id])


def lock_queues(performer_ids: list[UUID], *, skip_locked: bool = False) -> dict[UUID, PerformerQueue]:
    """Lock queues in id order (one statement), with their performers' profiles.

    Raises:
        NotFound: one of them does not exist, or is locked by another transaction and skipped.
    """
    found = (
        PerformerQueue.objects.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked)
        .select_related("performer__performer_profile")
        .filter(performer_id__in=performer_ids)
        .order_by("performer_id")
    )
    queues = {queue.pk: queue for queue in found}
    if len(queues) < len(set(performer_ids)):
        raise NotFound
    return queues


@contextmanager
def commanded_queue(performer_id: UUID, actor: User) -> Iterator[LockedQueue]:
    """Lock the queue of an active performer for a command on all of it.

    Raises:
        NotFound (no such queue, or its performer is deactivated), Forbidden (another's), QueueBusy: nothing was
        written.
    """
    with locked_queue(performer_id) as queue:
        if not queue.row.performer.is_active:
            raise NotFound
        assert_runs_queue(actor, performer_id)
        yield queue


@contextmanager
def locked_item(item_id: UUID) -> Iterator[tuple[LockedQueue, QueueItem]]:
    """Lock an item's queue, then the item, and read the queue's front (one statement); joins the open transaction.

    Raises:
        NotFound: no such item, or an instant one, which is in no queue; QueueBusy: nothing was written.
    """
    with db.joined():
        found = storage.lock_item(item_id)
        if found is None:
            raise NotFound
        (item,) = (item for item in found.front.items if item.id == item_id)
        yield LockedQueue(found.queue, found.now, found.front), item


def performer_of(item_id: UUID) -> UUID:
    """The performer whose queue a performed item is in (one statement). Raises NotFound."""
    performed = QueueItem.objects.filter(id=item_id, fulfilment=Fulfilment.PERFORMED)  # hence of a performer
    return db.first_or_not_found(performed.values_list("performer_id", flat=True))


def assert_runs_queue(actor: User, performer_id: UUID) -> None:
    """A performer commands their own queue only; staff are admitted by their role at the endpoint. Raises Forbidden."""
    if actor.pk != performer_id and not actor.is_backoffice:
        raise Forbidden
