"""The studio's one page and what every command answers with: the board as it is now."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import Role, User
from core.clock import db_now
from core.errors import NotFound
from escrow import services as escrow
from perfqueue import services as perfqueue
from xxxchat.pages import commands, responses
from xxxchat.pages.performers import performer_or_404
from xxxchat.pages.queue import digest, item_cards, queue_board

RECENT_ITEMS = 5
FOLLOWED_KEYS = (*(f"queue.item.{state}" for state in perfqueue.State.values), "queue.changed")


def signed_in_performer(request: HttpRequest) -> User:
    user = commands.signed_in(request)
    if user.role != Role.PERFORMER:
        raise PermissionDenied
    return user


def own_item_id(performer: User, item_id: UUID) -> UUID:
    """Return the id of an item in the performer's own queue.

    Raises:
        NotFound: no such item, or it is in another performer's queue.
    """
    if perfqueue.performer_of(item_id) != performer.pk:
        raise NotFound
    return item_id


def board_context(performer: User) -> dict[str, Any]:
    now = db_now()
    board = queue_board(performer.pk, performer)
    recent = item_cards(perfqueue.last_performances(performer.pk, RECENT_ITEMS), performer, with_names=True)
    pending = escrow.pending_payouts(performer.pk)
    return {
        "performer": performer_or_404(performer.pk),
        "now": now,
        "board": board,
        "recent": recent,
        "pending": pending,
        "keys": " ".join(FOLLOWED_KEYS),
        "digest": digest(board.values(), [card.values() for card in recent], pending),
    }


def respond(request: HttpRequest, result: commands.CommandResult) -> HttpResponse:
    """Redraw everything that a command may have changed; without a script, go back to the studio."""
    if not responses.is_htmx(request):
        return responses.redirected(request, result, reverse("studio"))
    context = board_context(commands.signed_in(request)) | {"refusal": result.refusal}
    close_dialog = "dialog" in request.POST
    return responses.redrawn(request, "pages/studio/live.html", context, result, close_dialog=close_dialog)
