"""My requests: what is open, what has ended, what was paid and what came back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from core.clock import db_now
from core.fields import UUID_TEXT
from perfqueue import services as perfqueue
from xxxchat.pages import commands
from xxxchat.pages.line import Entry, digest, entry_of
from xxxchat.pages.performers import Performer, performers_by_id
from xxxchat.pages.slots_card import slots_card_of

PAGE = 20
OPEN = ("created", "started", "abandoned")
ENDED = ("finished", "refunded")
QUIET = "queue.item.created"
FOLLOWED = (
    QUIET,
    "queue.item.started",
    "queue.item.finished",
    "queue.item.abandoned",
    "queue.item.refunded",
    "queue.item.third_position_notice",
    "queue.item.next_notice",
)


@dataclass(frozen=True)
class Row:
    performer: Performer
    entry: Entry


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/requests.html", _context(request, before=request.GET.get("before", "")))


@login_required
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """What moves on the page; nothing (204) while it is as the page has it."""
    context = _context(request)
    if request.GET.get("seen") == context["digest"]:
        return HttpResponse(status=204)
    return render(request, "pages/requests/live.html", context)


def _context(request: HttpRequest, before: str = "") -> dict[str, Any]:
    """The newest requests follow what happens to them (`keys`; `quiet` ones redraw without a notice)."""
    user, now = commands.signed_in(request), db_now()
    done = request.GET.get("show") == "done"
    entries = _ended_entries(user, before) if done else open_entries(user)
    known = performers_by_id({one.performer_id for one in entries[:PAGE] if one.performer_id})
    card = slots_card_of(user)
    return {
        "now": now,
        "done": done,
        "entries": [Row(known[one.performer_id], one) for one in entries[:PAGE] if one.performer_id in known],
        "older": entries[PAGE - 1].id if len(entries) > PAGE else None,
        "open_count": None if done else len(entries),
        "spins_left": card.spins_left if card else None,
        "follows": user.role == Role.USER and not before,
        "keys": " ".join(FOLLOWED),
        "quiet": QUIET,
        "digest": digest(entries, user.pk),
    }


def open_entries(user: User) -> list[Entry]:
    """A buyer's requests that have not ended, newest first, after time has had its say."""
    if user.role != Role.USER:
        return []
    items = _items(user, OPEN)
    late = perfqueue.overdue_queues({item.performer_id for item in items if item.performer_id})
    for performer_id in late:
        perfqueue.expire_due(performer_id, wait=False)
    if late:
        items = _items(user, OPEN)
    return [entry_of(view) for view in perfqueue.item_views(items, viewer=user)]


def _ended_entries(user: User, before: str) -> list[Entry]:
    """One more than a page, so that the page knows whether there are older ones."""
    items = _items(user, ENDED, before=UUID(before) if UUID_TEXT.match(before) else None)
    return [entry_of(view) for view in perfqueue.item_views(items, viewer=user)]


def _items(user: User, states: tuple[str, ...], before: UUID | None = None) -> list[perfqueue.QueueItem]:
    found = perfqueue.items_of(user).filter(fulfilment=perfqueue.Fulfilment.PERFORMED, state__in=states)
    if before is not None:
        found = found.filter(id__lt=before)
    return list(found.order_by("-id")[: PAGE + 1])
