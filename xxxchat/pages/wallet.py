"""Balances and the statement: what was held, paid or came back; tokens and points apart."""

import csv
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from core.fields import PAGE_ROWS, UUID_TEXT
from core.shapes import utc
from escrow import services as escrow
from loyalty import services as loyalty
from xxxchat.pages import commands
from xxxchat.pages.points import words_of
from xxxchat.pages.slots_card import slots_card_of
from xxxchat.templatetags.ui import grouped

KIND_TEXTS = {
    "deposit": "Added",
    "hold": "Held",
    "refund": "Back",
    "expire": "Back, nobody took it up",
    "award": "Won",
    "withdraw": "To RedRoomRewards",
    "reverse": "Corrected",
    "chargeback": "A payment was taken back",
    "write_off": "A debt was let go",
    "payout": "Paid out",
    "payout_reject": "Payout came back",
    "repair": "Checked",
}


@dataclass(frozen=True)
class StatementRow:
    """One entry of a wallet. `change` and `after` are what can be spent; a performer's are what she earned.

    `after` is None while RedRoomRewards has not confirmed a change of points that live there.
    """

    at: datetime
    what: str
    change: int
    after: int | None


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    user = commands.signed_in(request)
    points = request.GET.get("of") == "points"
    currency = escrow.Currency.POINT if points else escrow.Currency.TOKEN
    there = user.role == Role.USER and loyalty.is_remote()
    if there:
        loyalty.points_now(user.pk)  # before the page shows what is known of them
    rows, older = _moves(request, user) if there and points else _entries(request, user, currency)
    card = slots_card_of(user)
    context = {
        "points": points,
        "rows": rows,
        "older": older,
        "has_csv": not (there and points),
        "packages": [_offer(package) for package in escrow.packages()] if user.role == Role.USER else [],
        "spins_left": card.spins_left if card else None,
    }
    return render(request, "pages/wallet.html", context)


def _entries(request: HttpRequest, user: User, currency: escrow.Currency) -> tuple[list[StatementRow], object]:
    """A page of a wallet's statement, and where the next one begins, if there is one."""
    before = commands.whole_number(request.GET.get("before", ""))
    found = escrow.recent_entries(user.pk, currency, before=before, limit=PAGE_ROWS + 1)
    rows = [_row(entry, earns=user.role == Role.PERFORMER) for entry in found[:PAGE_ROWS]]
    return rows, found[PAGE_ROWS - 1].id if len(found) > PAGE_ROWS else None


def _moves(request: HttpRequest, user: User) -> tuple[list[StatementRow], object]:
    """The same of points that live in RedRoomRewards."""
    text = request.GET.get("before", "")
    before = UUID(text) if UUID_TEXT.match(text) else None
    found = loyalty.moves_of(user.pk, before=before, limit=PAGE_ROWS + 1)
    rows = [StatementRow(each.at, words_of(each), each.change, each.balance_after) for each in found[:PAGE_ROWS]]
    return rows, found[PAGE_ROWS - 1].id if len(found) > PAGE_ROWS else None


COLUMNS = ("version", "at", "operation", "operation_id", "hold_id")
SUMS = ("available", "held", "earned", "owed")


@login_required
@require_GET
def statement_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Every entry of one wallet, oldest first. Ids, kinds and numbers only: nothing that a spreadsheet would run."""
    points = request.GET.get("of") == "points"
    currency = escrow.Currency.POINT if points else escrow.Currency.TOKEN
    entries = escrow.whole_statement(commands.signed_in(request).pk, currency)
    rows = chain([(*COLUMNS, *SUMS, *(f"{name}_after" for name in SUMS))], map(_cells, entries))
    writer = csv.writer(Echo())
    response = StreamingHttpResponse(map(writer.writerow, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="statement-{currency.value}.csv"'
    return response


class Echo:
    """A file for `csv` that returns each row instead of storing it."""

    def write(self, row: str) -> str:
        return row


def _offer(package: escrow.PackageView) -> tuple[str, int, str]:
    """Title, tokens and price as text: its currencies all have a hundredth part."""
    whole, hundredths = divmod(package.price_minor, 100)
    return package.title, package.tokens, f"{grouped(whole)}.{hundredths:02} {package.price_currency}"


def _cells(entry: escrow.EntryView) -> list[Any]:
    columns = [entry.version, utc(entry.at), entry.kind, entry.operation_id, entry.hold_id]
    changes = [getattr(entry, f"d_{name}") for name in SUMS]
    return [*columns, *changes, *(getattr(entry, f"{name}_after") for name in SUMS)]


def _row(entry: escrow.EntryView, *, earns: bool) -> StatementRow:
    if earns and entry.d_earned:
        what = "Earned" if entry.kind in ("settle", "split") else _what(entry)
        return StatementRow(entry.at, what, entry.d_earned, entry.earned_after)
    return StatementRow(entry.at, _what(entry), entry.d_available, entry.available_after)


def _what(entry: escrow.EntryView) -> str:
    kind = entry.kind
    paid = -entry.d_held - entry.d_available
    if kind in ("settle", "split"):
        back = f", {grouped(entry.d_available)} back" if entry.d_available else ""
        return f"{grouped(paid)} paid from what was held{back}"
    return KIND_TEXTS.get(kind, kind.capitalize())
