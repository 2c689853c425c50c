"""Balances and the statement: each line says what was held, paid or came back, tokens and points apart."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role
from escrow import services as escrow
from xxxchat.pages import commands
from xxxchat.pages.slots_card import slots_card_of
from xxxchat.templatetags.ui import grouped

PAGE = 20
PLAIN = {
    "deposit": "Added",
    "hold": "Held",
    "refund": "Back",
    "expire": "Back, nobody took it up",
    "award": "Won",
}


@dataclass(frozen=True)
class StatementLine:
    """One entry of a wallet. `change` and `after` are what can be spent; a performer's are what she earned."""

    at: datetime
    what: str
    change: int
    after: int


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    user = commands.signed_in(request)
    points = request.GET.get("of") == "points"
    currency = escrow.Currency.POINT if points else escrow.Currency.TOKEN
    entries = escrow.transfers_of(user.pk).filter(currency=currency)
    before = commands.whole(request.GET.get("before", ""))
    if before is not None:
        entries = entries.filter(id__lt=before)
    found = list(entries.order_by("-id")[: PAGE + 1])
    card = slots_card_of(user)
    context = {
        "points": points,
        "lines": [_line(entry, earns=user.role == Role.PERFORMER) for entry in found[:PAGE]],
        "older": found[PAGE - 1].pk if len(found) > PAGE else None,
        "spins_left": card.spins_left if card else None,
    }
    return render(request, "pages/wallet.html", context)


def _line(entry: Any, *, earns: bool) -> StatementLine:
    if earns and entry.d_earned:
        return StatementLine(entry.at, "Earned", entry.d_earned, entry.earned_after)
    return StatementLine(entry.at, _what(entry), entry.d_available, entry.available_after)


def _what(entry: Any) -> str:
    kind: str = entry.operation.kind
    paid = -entry.d_held - entry.d_available
    if kind in ("settle", "split"):
        back = f", {grouped(entry.d_available)} back" if entry.d_available else ""
        return f"{grouped(paid)} paid from what was held{back}"
    return PLAIN.get(kind, kind.capitalize())
