"""The studio: what a performer sees of her line, and her commands."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Role, User
from core import db
from core.clock import db_now
from core.errors import NotFound, ValidationFailed
from escrow import services as escrow
from perfqueue import services as perfqueue
from xxxchat.pages import commands
from xxxchat.pages.commands import Outcome
from xxxchat.pages.line import Entry, Told, digest, entry_of, line_of, names_of
from xxxchat.pages.performers import performer_or_404
from xxxchat.pages.words import Refusal
from xxxchat.templatetags.ui import counted, grouped

JUST_DONE = 5
REASON_MAX = 200
PAYOUT_MAX = 1_000_000_000
Step = Callable[[], perfqueue.QueueItem]


@dataclass(frozen=True)
class Ask:
    """One dialog: what it asks, and where it is sent."""

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


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/studio.html", _board(_performer(request)))


@login_required
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """What moves in the studio; nothing (204) while it is as the page has it."""
    context = _board(_performer(request))
    if request.GET.get("seen") == context["digest"]:
        return HttpResponse(status=204)
    return render(request, "pages/studio/live.html", context)


@login_required
@require_POST
def start(request: HttpRequest, item_id: UUID) -> HttpResponse:
    user = _performer(request)

    def work() -> perfqueue.QueueItem:
        return perfqueue.start(item_id=_own(user, item_id), actor=user)

    return _answer(request, _run(request, "queue.start", work, "{title} is on stage."))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def finish(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The form asks for the two parts of a split; a post without amounts pays all."""
    user = _performer(request)
    if request.method != "POST":
        return _dialog(request, _split_ask, item_id)

    def work() -> perfqueue.QueueItem:
        return perfqueue.finish(
            item_id=_own(user, item_id),
            actor=user,
            settle=_part(request, "settle"),
            refund=_part(request, "refund"),
            reason=commands.line_of_text(request, "reason", REASON_MAX),
        )

    outcome = _run(request, "queue.finish", work, "{title} is done. {settled} paid.")
    return _answer(request, outcome, _split_ask, item_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Abandon what is on stage."""
    user = _performer(request)
    if request.method != "POST":
        return _dialog(request, _stop_ask, item_id)

    def work() -> perfqueue.QueueItem:
        reason = commands.line_of_text(request, "reason", REASON_MAX)
        return perfqueue.abandon(item_id=_own(user, item_id), actor=user, reason=reason)

    return _answer(request, _run(request, "queue.abandon", work, "{title} was stopped."), _stop_ask, item_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def refund(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Decline a request in line, or give back what is on stage."""
    user = _performer(request)
    if request.method != "POST":
        return _dialog(request, _refund_ask, item_id)

    def work() -> perfqueue.QueueItem:
        reason = commands.line_of_text(request, "reason", REASON_MAX)
        return perfqueue.refund(item_id=_own(user, item_id), actor=user, reason=reason)

    return _answer(request, _run(request, "queue.refund", work, "{title}: {refunded} went back."), _refund_ask, item_id)


@login_required
@require_POST
def line_command(request: HttpRequest, what: str) -> HttpResponse:
    """Open, pause, resume or close the line; each may be pressed twice."""
    user = _performer(request)
    work, message = {
        "open": (perfqueue.open_queue, "Your line is open."),
        "pause": (perfqueue.pause_queue, "Your line is paused."),
        "resume": (perfqueue.resume_queue, "Your line goes on."),
        "close": (perfqueue.close_queue, "Your line is closed."),
    }.get(what, (None, ""))
    if work is None:
        raise Http404
    outcome = commands.unkeyed(
        lambda: db.command(
            lambda: work(performer_id=user.pk, actor=user), before=lambda: perfqueue.expire_due(user.pk)
        ),
        message,
    )
    return _answer(request, outcome)


@login_required
@require_GET
def close(request: HttpRequest) -> HttpResponse:
    """Ask before closing: everybody in line is refunded."""
    user = _performer(request)
    line = line_of(user.pk, user)
    text = f"{counted(line.depth, 'request')} in line will be refunded at once." if line.depth else "Nobody is in line."
    ask = Ask(
        "Close the line?", text, "Close line", reverse("studio-line", args=["close"]), danger=True, asks_reason=False
    )
    return _ask_page(request, {"ask": ask})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def payout(request: HttpRequest) -> HttpResponse:
    """Ask for earned tokens; they leave `earned` at once."""
    user = _performer(request)
    typed = request.POST.get("amount", "")[:10]

    def work() -> escrow.PayoutView:
        amount = commands.whole(typed.strip())
        if not amount or amount > PAYOUT_MAX:
            raise ValidationFailed(form=["amount: a whole number of tokens."])
        return escrow.request_payout(performer_id=user.pk, amount=amount, actor=user)

    outcome = None
    if request.method == "POST":
        outcome = commands.keyed(
            request,
            operation="performer.payout",
            work=work,
            say=lambda asked: f"{counted(asked.amount, 'token')} asked for. Our team looks at it next.",
        )
        outcome = _of_earnings(outcome)
        if outcome.done or "dialog" not in request.POST:
            return _answer(request, outcome)
    minimum, earned = settings.PAYOUT_MINIMUM, _earned(user)
    ask = Ask(
        "Request a payout",
        f"{counted(earned, 'token')} earned. The least is {grouped(minimum)}. What you ask for leaves your earnings"
        " now, and comes back if it is turned down.",
        "Request payout",
        reverse("studio-payout"),
        asks_reason=False,
        amount=typed or str(earned),
    )
    return _ask_page(request, {"ask": ask, "refusal": outcome.refusal if outcome else None}, outcome)


def _of_earnings(outcome: Outcome) -> Outcome:
    """A payout is taken from earnings: say so, not what could be bought instead."""
    if outcome.error is None or outcome.error.code != "INSUFFICIENT_BALANCE":
        return outcome
    there, asked = outcome.error.details["available"], outcome.error.details["needed"]
    said = Refusal(f"{counted(there, 'token')} earned, {grouped(asked)} asked for.", "Nothing was moved.")
    return replace(outcome, refusal=said)


def _earned(user: User) -> int:
    return next((each.earned for each in escrow.wallets_of(user.pk) if each.currency == escrow.Currency.TOKEN), 0)


def _performer(request: HttpRequest) -> User:
    user = commands.signed_in(request)
    if user.role != Role.PERFORMER:
        raise PermissionDenied
    return user


def _board(user: User) -> dict[str, Any]:
    now = db_now()
    try:
        line = line_of(user.pk, user)
    except NotFound as error:
        raise Http404 from error
    done, pending = _just_done(user), escrow.pending_payouts(user.pk)
    return {
        "performer": performer_or_404(user.pk),
        "now": now,
        "line": line,
        "done": done,
        "pending": pending,
        "digest": digest(line, done, pending),
    }


def _just_done(user: User) -> list[Entry]:
    items = perfqueue.last_performances(user.pk, JUST_DONE)
    told = Told(names_of({item.user_id for item in items}), {})
    return [entry_of(view, told) for view in perfqueue.item_views(items, viewer=user)]


def _own(user: User, item_id: UUID) -> UUID:
    """Her own item's id; somebody else's does not exist for her.

    Raises:
        NotFound.
    """
    if perfqueue.performer_of(item_id) != user.pk:
        raise NotFound
    return item_id


def _run(request: HttpRequest, operation: str, work: Step, message: str) -> Outcome:
    user = commands.signed_in(request)

    def say(item: perfqueue.QueueItem) -> str:
        return message.format(
            title=item.title,
            settled=counted(item.settle_tokens or 0, "token"),
            refunded=counted(item.refund_tokens or 0, "token"),
        )

    return commands.keyed(
        request, operation=operation, work=work, say=say, before=lambda: perfqueue.expire_due(user.pk)
    )


def _part(request: HttpRequest, name: str) -> int | None:
    text = request.POST.get(name, "").strip()
    part = commands.whole(text)
    if text and part is None:
        raise ValidationFailed(form=[f"{name}: a whole number of tokens."])
    return part


AskOf = Callable[[HttpRequest, Entry], Ask]


def _answer(
    request: HttpRequest, outcome: Outcome, ask_of: AskOf | None = None, item_id: UUID | None = None
) -> HttpResponse:
    """The board as it is now; or, when a dialog's form was refused, the dialog again with the reason in it."""
    from_dialog = "dialog" in request.POST
    if from_dialog and not outcome.done and ask_of is not None and item_id is not None:
        return _dialog(request, ask_of, item_id, outcome)
    if not commands.is_htmx(request):
        return commands.back(request, outcome, reverse("studio"))
    context = _board(commands.signed_in(request)) | {"refusal": outcome.refusal}
    response = render(request, "pages/studio/live.html", context)
    response.headers["HX-Reswap"] = "none"
    return commands.told(response, outcome, close_dialog=from_dialog)


def _dialog(request: HttpRequest, ask_of: AskOf, item_id: UUID, outcome: Outcome | None = None) -> HttpResponse:
    user = commands.signed_in(request)
    try:
        item = perfqueue.item_for(_own(user, item_id))
    except NotFound as error:
        raise Http404 from error
    (view,) = perfqueue.item_views([item], viewer=user)
    entry = entry_of(view, Told(names_of({item.user_id}), {}))
    context = {"ask": ask_of(request, entry), "entry": entry, "refusal": outcome.refusal if outcome else None}
    return _ask_page(request, context, outcome)


def _ask_page(request: HttpRequest, context: dict[str, Any], outcome: Outcome | None = None) -> HttpResponse:
    context["form_key"] = request.POST.get("idempotency_key", "")
    if commands.is_htmx(request):
        return render(request, "pages/studio/dialog.html", context)
    return render(request, "pages/studio/confirm.html", context, status=commands.status_of(outcome))


def _split_ask(request: HttpRequest, entry: Entry) -> Ask:
    half = entry.tokens - entry.tokens // 2
    return Ask(
        f"Split {counted(entry.tokens, 'token')}",
        f"{entry.title}, for {entry.who}. Both parts add up to what is held.",
        "Finish and split",
        reverse("studio-finish", args=[entry.id]),
        splits=True,
        settle=request.POST.get("settle", str(half))[:10],
        refund=request.POST.get("refund", str(entry.tokens - half))[:10],
        reason=request.POST.get("reason", "")[:REASON_MAX],
    )


def _stop_ask(request: HttpRequest, entry: Entry) -> Ask:
    return Ask(
        "Stop this performance?",
        f"You are not paid. By your line’s setting the {counted(entry.tokens, 'token')} go back to {entry.who},"
        " at once or after a look by our team.",
        "Stop it",
        reverse("studio-stop", args=[entry.id]),
        danger=True,
        reason=request.POST.get("reason", "")[:REASON_MAX],
    )


def _refund_ask(request: HttpRequest, entry: Entry) -> Ask:
    on_stage = entry.state == "started"
    return Ask(
        "Give everything back?" if on_stage else "Decline this request?",
        f"{entry.who} gets {counted(entry.tokens, 'token')} back"
        + ("." if on_stage else ", and the next request moves up."),
        f"Refund {grouped(entry.tokens)}" if on_stage else "Decline",
        reverse("studio-refund", args=[entry.id]),
        danger=True,
        reason=request.POST.get("reason", "")[:REASON_MAX],
    )
