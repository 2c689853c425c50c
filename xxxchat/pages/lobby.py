"""The lobby: my place, the slot machine, who is on."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from menus import services as menus
from perfqueue import services as perfqueue
from xxxchat.pages.line import Entry, Summary
from xxxchat.pages.performers import Performer, performers
from xxxchat.pages.requests import open_entries
from xxxchat.pages.room import viewer_of
from xxxchat.pages.slots_card import slots_card_of


@dataclass(frozen=True)
class Room:
    """One card of the lobby. `price_from` in tokens."""

    performer: Performer
    line: Summary
    price_from: int | None


@dataclass(frozen=True)
class MyPlace:
    performer: Performer
    entry: Entry


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    viewer, q = viewer_of(request), request.GET.get("q", "").strip()[:80]
    everyone = performers()
    shown = performers(q) if q else everyone
    context = {
        "rooms": _rooms(shown),
        "q": q,
        "place": _my_place(viewer, {one.id: one for one in everyone}),
        "slots_card": slots_card_of(viewer),
    }
    return render(request, "pages/lobby.html", context)


def _rooms(shown: list[Performer]) -> list[Room]:
    ids = [one.id for one in shown]
    lines, prices = perfqueue.queue_lengths(ids), menus.lowest_prices(ids)
    rooms = [Room(one, _summary(lines.get(one.id)), prices.get(one.id)) for one in shown]
    return sorted(rooms, key=lambda room: not room.line.is_open)


def _summary(line: tuple[perfqueue.PerformerQueue, int] | None) -> Summary:
    if line is None:
        return Summary()
    queue, depth = line
    return Summary(is_open=queue.is_open, is_paused=queue.is_paused, depth=depth, max_depth=queue.depth)


def _my_place(viewer: User | None, everyone: dict[UUID, Performer]) -> MyPlace | None:
    """The request that comes first: the one on stage, else the one nearest to it."""
    if viewer is None or viewer.role != Role.USER:
        return None
    going = [one for one in open_entries(viewer) if one.state in ("created", "started")]
    places = [MyPlace(everyone[one.performer_id], one) for one in going if one.performer_id in everyone]
    return min(places, key=lambda place: place.entry.position or 0, default=None)
