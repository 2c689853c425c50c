"""Intake of performed items in a batch: a feature's items join many queues in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import live.services
from core.batches import KeyedRequest, Later, Row, Statement
from core.errors import NotFound
from escrow.services import TrailEntry
from perfqueue.services.joined import JoinedItem, created_event, joined, store_joined
from perfqueue.services.lines import Asked, Place, places_of
from perfqueue.services.payloads import Intake, IntakeResult
from perfqueue.services.views import ItemView


class Joining:
    """The queues that a batch's buyers ask to join, and the items that have.

    The feature runs `statements`, gives their rows to `take`, opens the holds of what `join` returned (they have no
    expiry) and then runs `store`.
    """

    def __init__(self, asked: Asked, *, wait: bool) -> None:
        self._asked, self._wait = asked, wait
        self._locked: frozenset[UUID] = frozenset()
        self._places: dict[int, Place] = {}
        self._items: list[JoinedItem] = []
        self._events: list[tuple[live.services.Event, str]] = []

    def statements(self) -> list[Statement]:
        """Lock the queues in the order of their performers' ids, and read them. Other locks come between the two."""
        return [self._asked.lock(wait=self._wait), self._asked.read()]

    def take(self, locked: Sequence[Row], read: Sequence[Row]) -> None:
        self._locked = frozenset(row[0] for row in locked)
        self._places = places_of(read)

    @property
    def now(self) -> datetime:
        """The database's clock, read after the locks. There is a queue."""
        return next(iter(self._places.values())).line.now

    def at(self, place: int) -> Place:
        """Return the buyer's place before the queue.

        Raises:
            NotFound: there is no such queue; Later: it is locked by another transaction, or something in it is overdue,
            which a waiting batch has expired before.
        """
        found = self._places.get(place)
        if found is None:
            raise NotFound
        if not self._wait and (found.is_due or found.line.performer_id not in self._locked):
            raise Later
        return found

    def join(self, place: Place, payload: Intake, *, request: KeyedRequest[Any]) -> tuple[IntakeResult, ItemView]:
        """Let an item join, in memory; return it, and as its buyer sees it.

        Raises:
            NotFound (the performer is deactivated), QueueClosed, QueuePaused, QueueFull, UserQueueLimit, Forbidden.
        """
        item, position, notice = joined(payload, place, actor_id=request.caller_id, request_id=request.request_id)
        self._items.append(item)
        emitted = [created_event(item), *([notice] if notice else []), *payload.announce]
        self._events += [(event, request.request_id) for event in emitted]
        trail = (TrailEntry("hold", payload.tokens, place.line.now),)
        view = ItemView(item.facts, position, place.line.wait_at(position), trail, mine=True, full=True)
        return IntakeResult(view.item, position, None), view

    def store(self) -> list[Statement]:
        """Write the items with their first steps, their queues' next turns, and the events."""
        return [store_joined(self._items), live.services.emission(self._events)]
