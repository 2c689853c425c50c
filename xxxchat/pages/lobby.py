"""The lobby: my place, the slot machine, who is on."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from menus import services as menus
from perfqueue import services as perfqueue
from xxxchat.pages import commands
from xxxchat.pages.performers import Performer, performers
from xxxchat.pages.requests import Request, open_requests
from xxxchat.pages.slots_card import slots_card_of


@dataclass(frozen=True)
class Room:
    """One card of the lobby. `price_from` in tokens."""

    performer: Performer
    queue: perfqueue.QueueFacts | None
    depth: int
    price_from: int | None

    @property
    def is_open(self) -> bool:
        return self.queue is not None and self.queue.is_open

    @property
    def is_full(self) -> bool:
        return self.queue is not None and self.depth >= self.queue.depth


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    viewer, q = commands.viewer(request), request.GET.get("q", "").strip()[:80]
    everyone = performers()
    shown = performers(q) if q else everyone
    perfqueue.Gate.of_performers([one.id for one in shown]).before_read()
    context = {
        "rooms": _rooms(shown),
        "q": q,
        "place": _my_place(viewer, {one.id: one for one in everyone}),
        "slots_card": slots_card_of(viewer),
    }
    return render(request, "pages/lobby.html", context)


def _rooms(shown: list[Performer]) -> list[Room]:
    ids = [one.id for one in shown]
    queues, prices = perfqueue.queue_lengths(ids), menus.lowest_prices(ids)
    rooms = []
    for one in shown:
        queue, depth = queues.get(one.id, (None, 0))
        rooms.append(Room(one, queue, depth, prices.get(one.id)))
    return sorted(rooms, key=lambda room: not room.is_open)


def _my_place(viewer: User | None, everyone: dict[UUID, Performer]) -> Request | None:
    """The started request, else the one nearest to its turn."""
    if viewer is None or viewer.role != Role.USER:
        return None
    places = [
        Request(everyone[card.item.performer_id], card)
        for card in open_requests(viewer)
        if card.item.state in ("created", "started") and card.item.performer_id in everyone
    ]
    return min(places, key=lambda place: place.card.position or 0, default=None)
