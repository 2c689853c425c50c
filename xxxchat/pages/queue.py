"""A queue and its items as the pages show them: perfqueue's views, and what a page computes from them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import User
from menus import services as menus
from perfqueue import services as perfqueue

ANONYMOUS = "someone"
CAUSE_TEXTS = {
    "STREAM_ENDED": "the stream ended",
    "ROPE_DROP_EXPIRED": "not started in time",
    "MAX_WAIT_PASSED": "not started in time",
    "DEADLINE_PASSED": "not finished in time",
    "LEFT": "you left",
}


@dataclass(frozen=True)
class BuyerDetails:
    """What only the performer and staff may see: the buyers' names by user id, their notes by item id."""

    names: dict[UUID, str]
    notes: dict[UUID, str]


NO_DETAILS = BuyerDetails({}, {})


@dataclass(frozen=True)
class ItemCard:
    """A performed item. `buyer` is the name for those who may see it, "you" for the buyer, else "someone"."""

    view: perfqueue.ItemView
    buyer: str
    note: str

    @property
    def item(self) -> perfqueue.ItemFacts:
        return self.view.item

    @property
    def position(self) -> int | None:
        return self.view.position

    @property
    def wait(self) -> str:
        """When a turn usually starts, such as "3–5 min"; empty when unknown."""
        wait = self.view.wait
        if wait is None or not wait.high_s:
            return ""
        low, high = wait.low_s // 60, -(-wait.high_s // 60)
        if high <= 1:
            return "about a minute"
        return f"{low}–{high} min" if low != high else f"{high} min"

    @property
    def ends_at(self) -> datetime | None:
        return self.item.started_at + timedelta(seconds=self.item.planned_s) if self.item.started_at else None

    @property
    def start_by(self) -> datetime | None:
        """When the tokens come back unless the item has started."""
        return self.item.rope_drop_at or self.item.max_wait_at

    @property
    def reason(self) -> str:
        return CAUSE_TEXTS.get(self.item.cause, self.item.shown_reason)

    def values(self) -> tuple[object, ...]:
        """Everything that a page may show of it, for `digest`."""
        return (self.item, self.position, self.wait, self.buyer, self.note)


@dataclass(frozen=True)
class QueueBoard:
    """A performer's queue: the started item and those that wait, the head first."""

    queue: perfqueue.QueueFacts
    started: ItemCard | None
    waiting: tuple[ItemCard, ...]

    @property
    def depth(self) -> int:
        return len(self.waiting)

    @property
    def is_full(self) -> bool:
        return self.depth >= self.queue.depth

    @property
    def accepts(self) -> bool:
        return self.queue.is_open and not self.queue.is_paused and not self.is_full

    @property
    def head(self) -> ItemCard | None:
        return self.waiting[0] if self.waiting else None

    @property
    def next_position(self) -> int:
        return self.depth + 1

    @property
    def cards(self) -> tuple[ItemCard, ...]:
        return (self.started, *self.waiting) if self.started else self.waiting

    @property
    def own_cards(self) -> tuple[ItemCard, ...]:
        """The viewer's own."""
        return tuple(card for card in self.cards if card.view.mine)

    @property
    def held_tokens(self) -> int:
        return sum(card.item.tokens for card in self.cards)

    def values(self) -> tuple[object, ...]:
        """Everything that a page may show of it, for `digest`."""
        return (self.queue, bool(self.started), *(card.values() for card in self.cards))


def queue_board(performer_id: UUID, viewer: User | None) -> QueueBoard:
    """Expire what is due, then read one queue for one viewer. Raises NotFound if there is none.

    Only the performer and staff see names and notes.
    """
    perfqueue.Gate.of_performers([performer_id]).before_read()
    view = perfqueue.queue_view(performer_id, viewer=viewer)
    views = [*([view.started] if view.started else []), *view.items]
    sees_buyers = viewer is not None and (viewer.pk == performer_id or viewer.is_backoffice)
    details = _details([each.item for each in views]) if sees_buyers else NO_DETAILS
    cards = [item_card(each, details) for each in views]
    return QueueBoard(view.queue, cards.pop(0) if view.started else None, tuple(cards))


def item_card(view: perfqueue.ItemView, details: BuyerDetails = NO_DETAILS) -> ItemCard:
    buyer = "you" if view.mine else details.names.get(view.item.user_id, ANONYMOUS)
    return ItemCard(view, buyer, details.notes.get(view.item.id, ""))


def item_cards(items: Sequence[perfqueue.ItemFacts], viewer: User, *, with_names: bool = False) -> list[ItemCard]:
    """Cards of items in their order, with the buyers' names for a performer."""
    details = BuyerDetails(names_of({item.user_id for item in items}), {}) if with_names else NO_DETAILS
    return [item_card(view, details) for view in perfqueue.item_views(items, viewer=viewer)]


def names_of(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Usernames by id (one statement)."""
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "username")) if user_ids else {}


def digest(*shown: object) -> str:
    """A short hash of what a page shows; a poll that brings the same hash has nothing to redraw."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def _details(items: Sequence[perfqueue.ItemFacts]) -> BuyerDetails:
    if not items:
        return NO_DETAILS
    return BuyerDetails(names_of({item.user_id for item in items}), menus.notes_of([item.id for item in items]))
