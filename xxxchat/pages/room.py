"""A performer's room: the started item, my place, the menu, the queue, the feed. Anyone may look; a user may buy."""

from collections.abc import Sequence
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
from accounts.models import Role, User
from core.clock import db_now
from core.freshness import Seen
from menus import services as menus
from menus.batched import MAX_NOTE_CHARS, PURCHASE
from perfqueue import services as perfqueue
from xxxchat.pages import commands, responses
from xxxchat.pages.feed import Feed, ends_at, feed_of, latest_of
from xxxchat.pages.performers import Performer, performer_or_404, performers_by_id
from xxxchat.pages.queue import ItemCard, QueueBoard, digest, item_cards, queue_board
from xxxchat.pages.slot import machine_of
from xxxchat.pages.slots_card import slots_card_of
from xxxchat.pages.strangers import Read, is_stranger, shared
from xxxchat.templatetags.ui import counted, ordinal, seconds_since

ENDED_SHOWN_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class Section:
    title: str
    offers: tuple[menus.Offer, ...]


@require_GET
def page(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    performer = performer_or_404(performer_id)
    if not is_stranger(request):
        return render(request, "pages/room.html", _page_context(request, performer, feed_of(performer.id)))
    queue, menu, latest = perfqueue.look(performer.id), menus.look(performer.id), latest_of(performer.id)

    def read() -> Read:
        context = _page_context(request, performer, feed_of(performer.id))
        version = performer, queue.version, context["menu_version"], latest
        until = _soonest(_until(performer, context), ends_at(context["feed"], latest))
        return Read(context, version, until)

    seen = Seen((performer, queue.version, menu.version, latest), queue.now)
    return shared(request, "pages/room.html", seen=seen, read=read)


@require_GET
def live(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """Everything of a room that changes; 204 while it is as the page shows it."""
    template, performer = "pages/room/live.html", performer_or_404(performer_id)
    if not is_stranger(request):
        return responses.poll(request, template, room_context(request, performer))
    queue = perfqueue.look(performer.id)
    version = performer, queue.version

    def read() -> Read:
        context = room_context(request, performer)
        return Read(context, version, _until(performer, context))

    return shared(request, template, seen=Seen(version, queue.now), read=read, digest="digest")


@require_GET
def menu(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """The menu; 204 while it is as the page shows it."""
    template, performer = "pages/room/menu_live.html", performer_or_404(performer_id)
    if not is_stranger(request):
        context = _menu_only(request, performer)
        return responses.poll(request, template, context, digest=context["menu_digest"])
    queue, menu = perfqueue.look(performer.id), menus.look(performer.id)

    def read() -> Read:
        context = _menu_only(request, performer)
        version = performer, queue.version, context["menu_version"]
        return Read(context, version, perfqueue.due_at(performer.id))

    seen = Seen((performer, queue.version, menu.version), queue.now)
    return shared(request, template, seen=seen, read=read, digest="menu_digest")


@login_required
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, performer_id: UUID, item_id: UUID) -> HttpResponse:
    """Show what would be held and when it comes back; then buy the item."""
    performer = performer_or_404(performer_id)
    if request.method != "POST":
        return _ask_form(request, performer, item_id)
    if menus.owner_of(item_id) != performer_id:
        raise Http404
    result = commands.run(
        request,
        PURCHASE,
        given=lambda: menus.Order(
            item_id=item_id,
            expected_price=commands.amount_field(request, "expected_price"),
            note=commands.text_field(request, "note", MAX_NOTE_CHARS),
        ),
        message=_purchase_message,
        before=perfqueue.Gate.of_performers([performer_id]).before_command,
        performer=performer.name,
    )
    if not result.done:
        return _ask_form(request, performer, item_id, result)
    return _respond(request, performer, result, close_dialog=True)


@login_required
@require_POST
def leave(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Leave the queue and get the tokens back."""
    user = commands.signed_in(request)
    performer_id = perfqueue.performer_of(item_id)
    performer = performers_by_id([performer_id])[performer_id]
    result = commands.keyed(
        request,
        operation="queue.leave",
        work=lambda: perfqueue.leave(item_id=item_id, actor=user),
        message=lambda item: f"You left the line. {counted(item.tokens, 'token')} are back.",
        before=perfqueue.Gate.of_items([item_id]).before_command,
        performer=performer.name,
    )
    if not performer.is_active:  # her room is gone, the buyer's request is not
        return responses.redirected(request, result, reverse("requests"))
    return _respond(request, performer, result)


def room_context(request: HttpRequest, performer: Performer) -> dict[str, Any]:
    """Everything of a room that changes, for this viewer; `ended` is the last own request while none is open."""
    viewer, now = commands.viewer(request), db_now()
    board = queue_board(performer.id, viewer)
    ended = None if board.own_cards or viewer is None else _ended_card(viewer, performer, now - ENDED_SHOWN_FOR)
    return {
        "performer": performer,
        "now": now,
        "board": board,
        "ended": ended,
        "digest": digest(board.values(), ended and ended.values(), viewer and viewer.pk),
    }


def menu_context(performer: Performer, board: QueueBoard) -> dict[str, Any]:
    shown = menus.menus_of(performer.id)
    sections = sections_of(shown)
    return {
        "sections": sections,
        "menu_digest": digest(sections, board.accepts),
        "menu_version": menus.version_of(shown),
    }


def _menu_only(request: HttpRequest, performer: Performer) -> dict[str, Any]:
    board = queue_board(performer.id, commands.viewer(request))
    return {"performer": performer, "board": board} | menu_context(performer, board)


def _page_context(request: HttpRequest, performer: Performer, feed: Feed) -> dict[str, Any]:
    context = room_context(request, performer)
    context |= menu_context(performer, context["board"]) | {"feed": feed}
    viewer = commands.viewer(request)
    if "play" in request.GET and viewer is not None and viewer.role == Role.USER:
        return context | {"is_playing": True, "machine": machine_of(viewer, performer.id)}
    return context | {"slots_card": slots_card_of(viewer)}


def _until(performer: Performer, context: dict[str, Any]) -> datetime | None:
    """When a room changes by time alone: when something is due, and each second while somebody is on stage."""
    due_at, started = perfqueue.due_at(performer.id), context["board"].started
    if started is None:
        return due_at
    passed_s = seconds_since(started.item.started_at, context["now"])
    return _soonest(due_at, started.item.started_at + timedelta(seconds=passed_s + 1))


def _soonest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def sections_of(shown_menus: Sequence[menus.ShownMenu]) -> list[Section]:
    """Menus by section, in their order; an item without a price is the heading of its children."""
    found: dict[str, list[menus.Offer]] = {}
    for shown in shown_menus:
        for offer in shown.offers:
            _collect(offer, shown.section, found)
    return [Section(title, tuple(offers)) for title, offers in found.items()]


def _collect(offer: menus.Offer, heading: str, found: dict[str, list[menus.Offer]]) -> None:
    if offer.price_tokens is not None:
        found.setdefault(offer.section or heading, []).append(offer)
    for child in offer.children:
        _collect(child, offer.section or (offer.title if offer.price_tokens is None else heading), found)


def _ended_card(viewer: User, performer: Performer, since: datetime) -> ItemCard | None:
    ended = perfqueue.last_ended(viewer, performer_id=performer.id, since=since)
    return item_cards([ended], viewer)[0] if ended else None


def _respond(
    request: HttpRequest, performer: Performer, result: commands.CommandResult, *, close_dialog: bool = False
) -> HttpResponse:
    """Redraw everything that a command may have changed; without a script, go back to the room."""
    if not responses.is_htmx(request):
        return responses.redirected(request, result, reverse("room", args=[performer.id]))
    context = room_context(request, performer) | {"refusal": result.refusal}
    return responses.redrawn(request, "pages/room/live.html", context, result, close_dialog=close_dialog)


def _ask_form(
    request: HttpRequest, performer: Performer, item_id: UUID, result: commands.CommandResult | None = None
) -> HttpResponse:
    offers = [offer for section in sections_of(menus.menus_of(performer.id)) for offer in section.offers]
    item = next((offer for offer in offers if offer.id == item_id), None)
    if item is None:
        raise Http404
    user, now = commands.signed_in(request), db_now()
    board = queue_board(performer.id, user)
    context = {
        "performer": performer,
        "item": item,
        "board": board,
        "left": escrow.services.balance(user.pk, escrow.services.Currency.TOKEN) - (item.price_tokens or 0),
        "promised_by": now + timedelta(seconds=board.queue.max_wait_s),
        "note": request.POST.get("note", "")[:MAX_NOTE_CHARS],
        "form_key": request.POST.get("idempotency_key", ""),
        "refusal": result.refusal if result else None,
    }
    if responses.is_htmx(request):
        return render(request, "pages/room/ask_form.html", context)
    return render(request, "pages/room/ask.html", context, status=responses.status_of(result))


def _purchase_message(bought: menus.PurchaseResult) -> str:
    item, position = bought.intake.item, bought.intake.position or 1
    place = "next" if position == 1 else f"{ordinal(position)} in line"
    return f"You are {place} for {item.title}. {counted(item.tokens, 'token')} held."
