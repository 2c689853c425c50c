"""The lock of one performer's line, and what must be true of its head when a command lets go of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

import live.services
from accounts.models import User
from core import db
from core.clock import db_now
from core.errors import Forbidden, NotFound
from perfqueue.models import MAX_ROPE_DROP_S, Fulfilment, PerformerQueue, QueueItem, State
from perfqueue.services.ledger import event_of, in_ms

THIRD = 3


@dataclass
class LockedQueue:
    """A locked line. `now` is the database's clock, read after the lock."""

    row: PerformerQueue
    _now: datetime | None = field(default=None)

    @property
    def now(self) -> datetime:
        if self._now is None:
            self._now = db_now()
        return self._now

    def set_now(self, now: datetime) -> None:
        """Take a clock reading that came with another statement after the lock."""
        self._now = self._now or now

    @property
    def performer_id(self) -> UUID:
        performer_id: UUID = self.row.pk
        return performer_id

    def rope_drop_runs(self, *, has_started: bool) -> bool:
        """Whether the head's rope drop runs: open, not paused, nobody on stage, the performer not away."""
        return self.row.is_open and not self.row.is_paused and not has_started and self.row.away_at is None

    def arm_head(self) -> list[live.services.Event]:
        """Arm or stop the head's rope drop and return the notices now due (at most four statements).

        Called at the end of every command that changed the line.
        """
        front = list(waiting(self.performer_id)[:THIRD])
        if not front:
            return []
        running = self.rope_drop_runs(has_started=started_item(self.performer_id) is not None)
        notices = []
        changed = set()
        for place, item in enumerate(front, start=1):
            if place == 1:
                changed |= {item} if self._clock(item, running=running) else set()
            elif item.rope_drop_at is not None:
                changed |= {item} if self._clock(item, running=False) else set()
            notice = due_notice(item, place)
            if notice is not None:
                notices.append(notice)
                changed.add(item)
        if changed:
            QueueItem.objects.bulk_update(
                changed, ["rope_drop_at", "rope_drop_left_ms", "third_noticed", "next_noticed"]
            )
        return notices

    def _clock(self, item: QueueItem, *, running: bool) -> bool:
        """Start the rope drop with what was left of it, or stop it and keep what is left. True if it changed."""
        if running and item.rope_drop_at is None:
            left = self.row.rope_drop_s * 1000 if item.rope_drop_left_ms is None else item.rope_drop_left_ms
            item.rope_drop_at, item.rope_drop_left_ms = self.now + timedelta(milliseconds=left), None
            return True
        if not running and item.rope_drop_at is not None:
            stood_at = min(self.now, self.row.away_at or self.now)  # her silence is carried out after it began
            left = min(in_ms(item.rope_drop_at - stood_at), MAX_ROPE_DROP_S * 1000)
            item.rope_drop_left_ms, item.rope_drop_at = left, None
            return True
        return False


def due_notice(item: QueueItem, place: int) -> live.services.Event | None:
    """The notice that `place` gives the buyer for the first time, marked on the item; each once per item."""
    if place == 1 and not item.next_noticed:
        item.next_noticed = True
        return event_of("queue.item.next_notice", item, to_room=False)
    if place == THIRD and not item.third_noticed:
        item.third_noticed = True
        return event_of("queue.item.third_position_notice", item, to_room=False)
    return None


def waiting(performer_id: UUID) -> QuerySet[QueueItem]:
    """Those who wait, head first."""
    return QueueItem.objects.filter(performer_id=performer_id, state=State.CREATED).order_by("turn")


def started_item(performer_id: UUID) -> QueueItem | None:
    """The item that is being performed, unlocked (one statement)."""
    staged = QueueItem.objects.filter(performer_id=performer_id, state=State.STARTED, fulfilment=Fulfilment.PERFORMED)
    return staged.first()


@contextmanager
def locked_queue(performer_id: UUID) -> Iterator[LockedQueue]:
    """Lock one performer's line in the caller's transaction, or in one of its own.

    A feature that buys a performed item enters it before it opens the hold.

    Raises:
        NotFound: nobody's line; QueueBusy (by the lock time-out): nothing was written.
    """
    with db.joined():
        yield LockedQueue(lock_queues([performer_id])[performer_id])


def lock_queues(performer_ids: list[UUID], *, skip_locked: bool = False) -> dict[UUID, PerformerQueue]:
    """Lock lines in id order (one statement), with their performers' profiles.

    Raises:
        NotFound: one of them is nobody's line, or locked by somebody else and skipped.
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
def locked_item(item_id: UUID) -> Iterator[tuple[LockedQueue, QueueItem]]:
    """Lock an item's line, then the item (three statements).

    Raises:
        NotFound: no such item, or an instant one, which has no line.
    """
    performer_id = performer_of(item_id)
    with locked_queue(performer_id) as queue:
        yield queue, QueueItem.objects.select_for_update(no_key=True).get(id=item_id)


def performer_of(item_id: UUID) -> UUID:
    """The performer whose line a performed item is in (one statement).

    Raises:
        NotFound.
    """
    found = (
        QueueItem.objects.filter(id=item_id, fulfilment=Fulfilment.PERFORMED)
        .values_list("performer_id", flat=True)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def fee_of(performer: User) -> int:
    """Her own fee, else the platform's, in basis points."""
    profile = getattr(performer, "performer_profile", None)
    own: int | None = profile.fee_bps if profile else None
    return int(settings.PLATFORM_FEE_BPS) if own is None else own


def assert_runs_queue(actor: User, performer_id: UUID) -> None:
    """A performer commands her own line only; staff are admitted by their role at the endpoint.

    Raises:
        Forbidden.
    """
    if actor.pk != performer_id and not actor.is_backoffice:
        raise Forbidden
