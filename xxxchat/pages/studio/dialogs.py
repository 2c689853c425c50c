"""The studio's dialogs: the questions that come before a command. Without a script each is a page of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from perfqueue import services as perfqueue
from xxxchat.pages import commands, responses
from xxxchat.pages.queue import ItemCard, QueueBoard, item_cards
from xxxchat.pages.studio.board import own_item_id
from xxxchat.templatetags.ui import counted, grouped

MAX_REASON_CHARS = 200


@dataclass(frozen=True)
class Dialog:
    """One question, and where its form is sent."""

    title: str
    text: str
    verb: str
    action: str
    danger: bool = False
    splits: bool = False
    asks_reason: bool = True
    settle: str = ""
    refund: str = ""
    reason: str = ""
    amount: str = ""


ItemDialog = Callable[[HttpRequest, ItemCard], Dialog]


def item_dialog(
    request: HttpRequest, dialog_of: ItemDialog, item_id: UUID, result: commands.CommandResult | None = None
) -> HttpResponse:
    """A dialog about one of the performer's own items, with the refusal of its form if there is one."""
    performer = commands.signed_in(request)
    perfqueue.Gate.of_performers([performer.pk]).before_read()
    item = perfqueue.item_for(own_item_id(performer, item_id))
    (card,) = item_cards([item], performer, with_names=True)
    return show(request, dialog_of(request, card), result, card=card)


def show(
    request: HttpRequest, dialog: Dialog, result: commands.CommandResult | None = None, **context: Any
) -> HttpResponse:
    refusal = result.refusal if result else None
    context |= {"dialog": dialog, "refusal": refusal, "form_key": request.POST.get("idempotency_key", "")}
    if responses.is_htmx(request):
        return render(request, "pages/studio/dialog.html", context)
    return render(request, "pages/studio/confirm.html", context, status=responses.status_of(result))


def split_dialog(request: HttpRequest, card: ItemCard) -> Dialog:
    tokens = card.item.tokens
    half = tokens - tokens // 2
    return Dialog(
        f"Split {counted(tokens, 'token')}",
        f"{card.item.title}, for {card.buyer}. Both parts add up to what is held.",
        "Finish and split",
        reverse("studio-finish", args=[card.item.id]),
        splits=True,
        settle=request.POST.get("settle", str(half))[:10],
        refund=request.POST.get("refund", str(tokens - half))[:10],
        reason=_reason(request),
    )


def stop_dialog(request: HttpRequest, card: ItemCard) -> Dialog:
    return Dialog(
        "Stop this performance?",
        f"You are not paid. By your line’s setting the {counted(card.item.tokens, 'token')} go back to {card.buyer},"
        " at once or after a look by our team.",
        "Stop it",
        reverse("studio-stop", args=[card.item.id]),
        danger=True,
        reason=_reason(request),
    )


def refund_dialog(request: HttpRequest, card: ItemCard) -> Dialog:
    started = card.item.state == "started"
    return Dialog(
        "Give everything back?" if started else "Decline this request?",
        f"{card.buyer} gets {counted(card.item.tokens, 'token')} back"
        + ("." if started else ", and the next request moves up."),
        f"Refund {grouped(card.item.tokens)}" if started else "Decline",
        reverse("studio-refund", args=[card.item.id]),
        danger=True,
        reason=_reason(request),
    )


def close_dialog(board: QueueBoard) -> Dialog:
    depth = board.depth
    return Dialog(
        "Close the line?",
        f"{counted(depth, 'request')} in line will be refunded at once." if depth else "Nobody is in line.",
        "Close line",
        reverse("studio-queue", args=["close"]),
        danger=True,
        asks_reason=False,
    )


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "")[:MAX_REASON_CHARS]
