"""The studio's endpoints: the page, its poll, and the commands on items and on the queue."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core import db
from perfqueue import services as perfqueue
from xxxchat.pages import commands, responses
from xxxchat.pages.queue import queue_board
from xxxchat.pages.studio import dialogs
from xxxchat.pages.studio.board import board_context, own_item_id, respond, signed_in_performer
from xxxchat.templatetags.ui import counted

Arguments = dict[str, Any]


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/studio.html", board_context(signed_in_performer(request)))


@login_required
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """Everything that changes in the studio; 204 while it is as the page shows it."""
    return responses.poll(request, "pages/studio/live.html", board_context(signed_in_performer(request)))


def _reason(request: HttpRequest) -> Arguments:
    return {"reason": commands.text_field(request, "reason", dialogs.MAX_REASON_CHARS)}


def _split(request: HttpRequest) -> Arguments:
    """The two parts; an empty one is left to the service."""
    parts = [name for name in ("settle", "refund") if request.POST.get(name, "").strip()]
    return {name: commands.amount_field(request, name) for name in parts} | _reason(request)


@dataclass(frozen=True)
class ItemCommand:
    """A command on an own item. `arguments` reads from the form what it takes; `dialog` is what a GET shows."""

    operation: str
    run: Callable[..., perfqueue.ItemFacts]
    message: str
    arguments: Callable[[HttpRequest], Arguments] = _reason
    dialog: dialogs.ItemDialog | None = None

    def message_of(self, item: perfqueue.ItemFacts) -> str:
        settled, refunded = (counted(amount or 0, "token") for amount in (item.settle_tokens, item.refund_tokens))
        return self.message.format(title=item.title, settled=settled, refunded=refunded)


START = ItemCommand("queue.start", perfqueue.start, "{title} is on stage.", lambda request: {})
FINISH = ItemCommand(
    "queue.finish", perfqueue.finish, "{title} is done. {settled} paid.", _split, dialog=dialogs.split_dialog
)
STOP = ItemCommand("queue.abandon", perfqueue.abandon, "{title} was stopped.", dialog=dialogs.stop_dialog)
REFUND = ItemCommand("queue.refund", perfqueue.refund, "{title}: {refunded} went back.", dialog=dialogs.refund_dialog)


@login_required
@require_POST
def start(request: HttpRequest, item_id: UUID) -> HttpResponse:
    return _item_command(request, item_id, START)


@login_required
@require_http_methods(["GET", "POST"])
def finish(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The dialog takes the two parts of a split; a POST without amounts pays everything."""
    return _item_command(request, item_id, FINISH)


@login_required
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Abandon the started item."""
    return _item_command(request, item_id, STOP)


@login_required
@require_http_methods(["GET", "POST"])
def refund(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Decline a waiting item, or refund the started one."""
    return _item_command(request, item_id, REFUND)


def _item_command(request: HttpRequest, item_id: UUID, command: ItemCommand) -> HttpResponse:
    """Show the command's dialog, or run it; a form of a dialog that was refused is shown again with the refusal."""
    performer = signed_in_performer(request)
    if request.method != "POST" and command.dialog:
        return dialogs.item_dialog(request, command.dialog, item_id)
    result = commands.keyed(
        request,
        operation=command.operation,
        work=lambda: command.run(
            item_id=own_item_id(performer, item_id), actor=performer, **command.arguments(request)
        ),
        message=command.message_of,
        before=perfqueue.Gate.of_performers([performer.pk]).before_command,
    )
    if command.dialog and "dialog" in request.POST and not result.done:
        return dialogs.item_dialog(request, command.dialog, item_id, result)
    return respond(request, result)


@login_required
@require_POST
def queue_command(request: HttpRequest, command: str) -> HttpResponse:
    """Open, pause, resume or close the queue; each may be repeated."""
    performer = signed_in_performer(request)
    work, message = {
        "open": (perfqueue.open_queue, "Your line is open."),
        "pause": (perfqueue.pause_queue, "Your line is paused."),
        "resume": (perfqueue.resume_queue, "Your line goes on."),
        "close": (perfqueue.close_queue, "Your line is closed."),
    }.get(command, (None, ""))
    if work is None:
        raise Http404
    result = commands.unkeyed(
        lambda: db.command(
            lambda: work(performer_id=performer.pk, actor=performer),
            before=perfqueue.Gate.of_performers([performer.pk]).before_command,
        ),
        message,
    )
    return respond(request, result)


@login_required
@require_GET
def close(request: HttpRequest) -> HttpResponse:
    """Show the dialog before the queue is closed, which refunds every waiting item."""
    performer = signed_in_performer(request)
    return dialogs.show(request, dialogs.close_dialog(queue_board(performer.pk, performer)))
