"""Balances and the statement: each line says what was held, paid or came back, tokens and points apart."""

import csv
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role
from core.errors import NotFound
from core.shapes import utc
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
    "reverse": "Corrected",
    "chargeback": "A payment was taken back",
    "write_off": "A debt was let go",
    "payout": "Paid out",
    "payout_reject": "Payout came back",
    "repair": "Checked",
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
    before = commands.whole(request.GET.get("before", ""))
    found = escrow.recent_entries(user.pk, currency, before=before, limit=PAGE + 1)
    card = slots_card_of(user)
    context = {
        "points": points,
        "lines": [_line(entry, earns=user.role == Role.PERFORMER) for entry in found[:PAGE]],
        "older": found[PAGE - 1].id if len(found) > PAGE else None,
        "packages": [_offer(package) for package in escrow.packages()] if user.role == Role.USER else [],
        "spins_left": card.spins_left if card else None,
    }
    return render(request, "pages/wallet.html", context)


COLUMNS = ("version", "at", "operation", "operation_id", "hold_id")
SUMS = ("available", "held", "earned", "owed")


@login_required
@require_GET
def statement_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Every line of one wallet, oldest first. Ids, kinds and numbers only: nothing that a spreadsheet would run."""
    points = request.GET.get("of") == "points"
    currency = escrow.Currency.POINT if points else escrow.Currency.TOKEN
    try:
        entries = escrow.whole_statement(commands.signed_in(request).pk, currency)
    except NotFound as error:
        raise Http404 from error
    lines = chain([(*COLUMNS, *SUMS, *(f"{name}_after" for name in SUMS))], map(_cells, entries))
    writer = csv.writer(Echo())
    response = StreamingHttpResponse(map(writer.writerow, lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="statement-{currency.value}.csv"'
    return response


class Echo:
    """A file that hands each line on instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _offer(package: escrow.PackageView) -> tuple[str, int, str]:
    """Title, tokens and price in words: its currencies all have a hundredth part."""
    whole, hundredths = divmod(package.price_minor, 100)
    return package.title, package.tokens, f"{grouped(whole)}.{hundredths:02} {package.price_currency}"


def _cells(entry: escrow.EntryView) -> list[Any]:
    said = [entry.version, utc(entry.at), entry.kind, entry.operation_id, entry.hold_id]
    changes = [getattr(entry, f"d_{name}") for name in SUMS]
    return [*said, *changes, *(getattr(entry, f"{name}_after") for name in SUMS)]


def _line(entry: escrow.EntryView, *, earns: bool) -> StatementLine:
    if earns and entry.d_earned:
        what = "Earned" if entry.kind in ("settle", "split") else _what(entry)
        return StatementLine(entry.at, what, entry.d_earned, entry.earned_after)
    return StatementLine(entry.at, _what(entry), entry.d_available, entry.available_after)


def _what(entry: escrow.EntryView) -> str:
    kind = entry.kind
    paid = -entry.d_held - entry.d_available
    if kind in ("settle", "split"):
        back = f", {grouped(entry.d_available)} back" if entry.d_available else ""
        return f"{grouped(paid)} paid from what was held{back}"
    return PLAIN.get(kind, kind.capitalize())
