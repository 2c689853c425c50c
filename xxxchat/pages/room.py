"""A performer's room: stage, my place, menu, line, feed. Anyone may look; asking needs a user."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import escrow.services
from accounts.models import User
from core.clock import db_now
from core.errors import NotFound, ValidationFailed
from menus import services as menus
from perfqueue import services as perfqueue
from xxxchat.pages import commands, words
from xxxchat.pages.feed import feed_of
from xxxchat.pages.line import Entry, Line, digest, entry_of, line_of
from xxxchat.pages.performers import Performer, performer_or_404
from xxxchat.pages.slots_card import slots_card_of
from xxxchat.templatetags.ui import counted

OUTCOME_FOR = timedelta(minutes=10)
NOTE_MAX = 200
REASONS = {
    "ITEM_UNAVAILABLE": "Not offered at the moment",
    "OUT_OF_STOCK": "Sold out",
    "PURCHASE_LIMIT": "You have had your share of this",
    "COOLDOWN": "Resting",
}


@dataclass(frozen=True)
class MenuItem:
    id: UUID
    title: str
    hint: str
    price: int
    duration_s: int | None
    available: bool
    reason: str


@dataclass(frozen=True)
class Section:
    title: str
    items: tuple[MenuItem, ...]


@require_GET
def page(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    performer = performer_or_404(performer_id)
    context = room_of(request, performer)
    context["sections"] = sections_of(performer.id)
    context["feed"] = feed_of(performer.id)
    context["slots_card"] = slots_card_of(viewer_of(request))
    return render(request, "pages/room.html", context)


@require_GET
def live(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """What moves in a room; nothing (204) while it is as the page has it."""
    context = room_of(request, performer_or_404(performer_id))
    if request.GET.get("seen") == context["digest"]:
        return HttpResponse(status=204)
    return render(request, "pages/room/live.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, performer_id: UUID, item_id: UUID) -> HttpResponse:
    """Show what would be held and when it comes back; then hold it and queue."""
    performer = performer_or_404(performer_id)
    if request.method != "POST":
        return _ask_form(request, performer, item_id)
    user = commands.signed_in(request)
    outcome = commands.keyed(
        request,
        operation="menus.purchase",
        work=lambda: menus.purchase(
            buyer=user,
            item_id=item_id,
            expected_price=_price(request),
            note=commands.line_of_text(request, "note", NOTE_MAX),
        ),
        say=_placed,
        before=lambda: perfqueue.expire_due(performer_id),
        about=words.About(performer=performer.name),
    )
    if not outcome.done:
        return _ask_form(request, performer, item_id, outcome)
    if commands.is_htmx(request):
        return commands.told(_moved(request, performer), outcome, close_dialog=True)
    return commands.back(request, outcome, reverse("room", args=[performer_id]))


@login_required
@require_POST
def leave(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Give a place up and get the tokens back."""
    user = commands.signed_in(request)
    try:
        performer = performer_or_404(perfqueue.performer_of(item_id))
    except NotFound as error:
        raise Http404 from error
    outcome = commands.keyed(
        request,
        operation="queue.leave",
        work=lambda: perfqueue.leave(item_id=item_id, actor=user),
        say=lambda item: f"You left the line. {counted(item.tokens, 'token')} are back.",
        before=lambda: perfqueue.expire_due(performer.id),
        about=words.About(performer=performer.name),
    )
    if commands.is_htmx(request):
        return commands.told(_moved(request, performer, outcome.refusal), outcome)
    return commands.back(request, outcome, reverse("room", args=[performer.id]))


def viewer_of(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def room_of(request: HttpRequest, performer: Performer) -> dict[str, Any]:
    """What moves in a room, for this viewer."""
    viewer, now = viewer_of(request), db_now()
    line = _line(performer, viewer)
    mine = line.mine()
    outcome = None if mine or viewer is None else _outcome(viewer, performer, now - OUTCOME_FOR)
    return {
        "performer": performer,
        "now": now,
        "line": line,
        "mine": mine,
        "outcome": outcome,
        "digest": digest(line, outcome, viewer and viewer.pk),
    }


def sections_of(performer_id: UUID) -> list[Section]:
    """A performer's menu, by section, in its order. Headings become sections of what lies under them."""
    found: dict[str, list[MenuItem]] = {}
    for shown in menus.menus_of(performer_id):
        for offer in shown.offers:
            _collect(offer, shown.menu.section, found)
    return [Section(title, tuple(items)) for title, items in found.items()]


def _collect(offer: menus.Offer, heading: str, found: dict[str, list[MenuItem]]) -> None:
    item = offer.item
    if item.price_tokens is not None:
        found.setdefault(item.section or heading, []).append(
            MenuItem(
                id=item.pk,
                title=item.title,
                hint=item.description,
                price=item.price_tokens,
                duration_s=item.duration_s,
                available=offer.available,
                reason=REASONS.get(offer.reason or "", ""),
            )
        )
    for child in offer.children:
        _collect(child, item.section or (item.title if item.price_tokens is None else heading), found)


def _line(performer: Performer, viewer: User | None) -> Line:
    try:
        return line_of(performer.id, viewer)
    except NotFound as error:
        raise Http404 from error


def _outcome(viewer: User, performer: Performer, since: datetime) -> Entry | None:
    """What became of the viewer's last request here, while it is fresh."""
    ended = perfqueue.items_of(viewer).filter(performer_id=performer.id, ended_at__gte=since, fulfilment="performed")
    items = list(ended.order_by("-ended_at")[:1])
    return next((entry_of(view) for view in perfqueue.item_views(items, viewer=viewer)), None)


def _moved(request: HttpRequest, performer: Performer, refusal: words.Refusal | None = None) -> HttpResponse:
    """Everything that a command changes, out of band."""
    context = room_of(request, performer) | {"refusal": refusal}
    response = render(request, "pages/room/live.html", context)
    response.headers["HX-Reswap"] = "none"
    return response


def _ask_form(
    request: HttpRequest, performer: Performer, item_id: UUID, outcome: commands.Outcome | None = None
) -> HttpResponse:
    items = [item for section in sections_of(performer.id) for item in section.items]
    item = next((item for item in items if item.id == item_id), None)
    if item is None:
        raise Http404
    user, now = commands.signed_in(request), db_now()
    line = _line(performer, user)
    context = {
        "performer": performer,
        "item": item,
        "line": line,
        "left": escrow.services.balance(user.pk, escrow.services.Currency.TOKEN) - item.price,
        "promised_by": now + timedelta(seconds=line.max_wait_s),
        "note": request.POST.get("note", "")[:NOTE_MAX],
        "form_key": request.POST.get("idempotency_key", ""),
        "refusal": outcome.refusal if outcome else None,
    }
    if commands.is_htmx(request):
        return render(request, "pages/room/ask_form.html", context)
    return render(request, "pages/room/ask.html", context, status=commands.status_of(outcome))


def _price(request: HttpRequest) -> int:
    price = commands.whole(request.POST.get("expected_price", ""))
    if price is None:
        raise ValidationFailed(expectedPrice=["A whole number of tokens."])
    return price


def _placed(bought: menus.PurchaseResult) -> str:
    item, position = bought.intake.item, bought.intake.position
    return words.in_line(position or 1, item.title, item.tokens)
