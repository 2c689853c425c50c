"""My requests: what is open, what has ended, what was paid and what came back."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from core.clock import db_now
from core.fields import PAGE_ROWS, UUID_TEXT
from perfqueue import services as perfqueue
from xxxchat.pages import commands, responses
from xxxchat.pages.performers import Performer, performers_by_id
from xxxchat.pages.queue import ItemCard, digest, item_cards
from xxxchat.pages.slots_card import slots_card_of

ENDED_STATES = (perfqueue.State.FINISHED, perfqueue.State.REFUNDED)
QUIET_KEY = "queue.item.created"
FOLLOWED_KEYS = (
    QUIET_KEY,
    "queue.item.started",
    "queue.item.finished",
    "queue.item.abandoned",
    "queue.item.refunded",
    "queue.item.third_position_notice",
    "queue.item.next_notice",
)


@dataclass(frozen=True)
class Request:
    performer: Performer
    card: ItemCard


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/requests.html", _context(request, before=request.GET.get("before", "")))


@login_required
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """Everything of the page that changes; 204 while it is as the page shows it."""
    return responses.poll(request, "pages/requests/live.html", _context(request))


def _context(request: HttpRequest, before: str = "") -> dict[str, Any]:
    """The newest requests follow the buyer's event stream (`keys`; a `quiet` one redraws without a notice)."""
    user, now = commands.signed_in(request), db_now()
    done = request.GET.get("show") == "done"
    cards = _ended_requests(user, before) if done else open_requests(user)
    shown = cards[:PAGE_ROWS]
    known = performers_by_id({card.item.performer_id for card in shown if card.item.performer_id})
    slots_card = slots_card_of(user)
    return {
        "now": now,
        "done": done,
        "rows": [Request(known[card.item.performer_id], card) for card in shown if card.item.performer_id in known],
        "older": shown[-1].item.id if len(cards) > PAGE_ROWS else None,
        "open_count": None if done else len(cards),
        "spins_left": slots_card.spins_left if slots_card else None,
        "follows": user.role == Role.USER and not before,
        "keys": " ".join(FOLLOWED_KEYS),
        "quiet": QUIET_KEY,
        "digest": digest([card.values() for card in cards], user.pk),
    }


def open_requests(user: User) -> list[ItemCard]:
    """Expire what is due, then return a buyer's requests that have not ended, newest first."""
    if user.role != Role.USER:
        return []
    items = _items(user, perfqueue.OPEN_STATES)
    expired = perfqueue.Gate.of_items([item.id for item in items]).before_read()
    return item_cards(_items(user, perfqueue.OPEN_STATES) if expired else items, user)


def _ended_requests(user: User, before: str) -> list[ItemCard]:
    """Expire what is due; one more than a page, to show whether there are older ones."""
    perfqueue.Gate.of_items([item.id for item in _items(user, perfqueue.OPEN_STATES)]).before_read()
    return item_cards(_items(user, ENDED_STATES, before=UUID(before) if UUID_TEXT.match(before) else None), user)


def _items(user: User, states: Collection[perfqueue.State], before: UUID | None = None) -> list[perfqueue.ItemFacts]:
    return perfqueue.performed_items(user, states=states, before=before, at_most=PAGE_ROWS + 1)
