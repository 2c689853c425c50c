"""Events of queues, to the room, and of their items: to the buyer, and to the room of a performed item."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from live.services import Event
from perfqueue.models import PerformerQueue, QueueItem


class Shown(Protocol):
    """What events say of an item."""

    @property
    def id(self) -> UUID: ...
    @property
    def user_id(self) -> UUID: ...
    @property
    def performer_id(self) -> UUID | None: ...
    @property
    def title(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def turn(self) -> int | None: ...


def of_steps(items: Iterable[QueueItem]) -> list[Event]:
    """One event per step taken in memory, in order."""
    return [of_item(f"queue.item.{step.target}", item, cause=step.cause) for item in items for step in item.steps]


def of_item(key: str, item: Shown, *, to_room: bool = True, cause: str = "") -> Event:
    """An event about the item as it is now. A person's reason is in no event."""
    return Event(
        key=key,
        variables={
            "itemId": str(item.id),
            "performerId": str(item.performer_id) if item.performer_id else None,
            "title": item.title,
            "state": item.state,
            **({"reason": cause} if cause else {}),
        },
        room_id=item.performer_id if to_room and item.turn is not None else None,
        recipient_id=item.user_id,
    )


def of_queue(row: PerformerQueue) -> Event:
    """The event of a change of the queue itself (ADR 0052), with its state as a room shows it.

    It waits while its performer is away: the head's rope drop stands still.
    """
    if not row.is_open:
        state = "closed"
    elif row.is_paused:
        state = "paused"
    else:
        state = "open" if row.away_at is None else "waiting"
    return Event("queue.changed", {"performerId": str(row.pk), "state": state}, room_id=row.pk)
