"""Events of queue items: to the buyer, and to the room of a performed item."""

from collections.abc import Iterable

from live.services import Event
from perfqueue.models import QueueItem


def of_steps(items: Iterable[QueueItem]) -> list[Event]:
    """One event per step taken in memory, in order."""
    return [of_item(f"queue.item.{step.target}", item, cause=step.cause) for item in items for step in item.steps]


def of_item(key: str, item: QueueItem, *, to_room: bool = True, cause: str = "") -> Event:
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
