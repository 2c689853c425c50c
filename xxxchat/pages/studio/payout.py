"""Requesting a payout of earned tokens."""

from dataclasses import replace

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from core.errors import ValidationFailed
from core.fields import MAX_AMOUNT
from escrow import services as escrow
from xxxchat.pages import commands
from xxxchat.pages.refusals import Refusal
from xxxchat.pages.studio.board import respond, signed_in_performer
from xxxchat.pages.studio.dialogs import Dialog, show
from xxxchat.templatetags.ui import counted, grouped


@login_required
@require_http_methods(["GET", "POST"])
def payout(request: HttpRequest) -> HttpResponse:
    """Show the dialog, or request the amount, which is taken out of `earned` at once."""
    performer = signed_in_performer(request)
    result = None
    if request.method == "POST":
        result = _request_payout(request, performer)
        if result.done or "dialog" not in request.POST:
            return respond(request, result)
    minimum, earned = settings.PAYOUT_MINIMUM, _earned(performer)
    dialog = Dialog(
        "Request a payout",
        f"{counted(earned, 'token')} earned. The least is {grouped(minimum)}. What you ask for leaves your earnings"
        " now, and comes back if it is turned down.",
        "Request payout",
        reverse("studio-payout"),
        asks_reason=False,
        amount=_typed(request) or str(earned),
    )
    return show(request, dialog, result)


def _request_payout(request: HttpRequest, performer: User) -> commands.CommandResult:
    def work() -> escrow.PayoutView:
        amount = commands.whole_number(_typed(request).strip())
        if not amount or amount > MAX_AMOUNT:
            raise ValidationFailed(form=["amount: a whole number of tokens."])
        return escrow.request_payout(performer_id=performer.pk, amount=amount, actor=performer)

    result = commands.keyed(
        request,
        operation="performer.payout",
        work=work,
        message=lambda payout: f"{counted(payout.amount, 'token')} asked for. Our team looks at it next.",
    )
    if result.error is None or result.error.code != "INSUFFICIENT_BALANCE":
        return result
    # The general text names what could be bought instead; a payout is taken from earnings.
    available, needed = result.error.details["available"], result.error.details["needed"]
    fact = f"{counted(available, 'token')} earned, {grouped(needed)} asked for."
    return replace(result, refusal=Refusal(fact, "Nothing was moved."))


def _typed(request: HttpRequest) -> str:
    return request.POST.get("amount", "")[:10]


def _earned(performer: User) -> int:
    wallets = escrow.wallets_of(performer.pk)
    return next((wallet.earned for wallet in wallets if wallet.currency == escrow.Currency.TOKEN), 0)
