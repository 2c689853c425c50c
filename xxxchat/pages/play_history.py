"""A player's own history: pages of spins, filters, statistics; and one spin, whose proof the browser re-computes."""

import json
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from core.errors import RoleNotAllowed
from slots import services
from slots.errors import SpinArchived
from xxxchat.pages import commands
from xxxchat.pages.people.fields import FlaggedForm
from xxxchat.pages.slot_words import kind_text, result_text, short_text

MAX_KIND_CHARS = 40
MAX_NONCE = 10**12
DAY = {"class": "inp", "type": "date"}


class HistoryForm(FlaggedForm):
    """Which spins to show. Days are UTC."""

    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs=DAY))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs=DAY))
    kind = forms.CharField(required=False, max_length=MAX_KIND_CHARS)
    before = forms.IntegerField(required=False, min_value=0, max_value=MAX_NONCE)

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or self.cleaned_data
        since, until = chosen.get("since"), chosen.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return chosen


class SealForm(FlaggedForm):
    """A seal that the player kept: 64 hexadecimal digits."""

    seal = forms.RegexField(
        r"\A[0-9a-fA-F]{64}\Z",
        label="The seal you kept",
        widget=forms.TextInput(attrs={"class": "inp mono", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"invalid": "A seal has 64 digits, 0 to 9 and a to f.", "required": "Paste the seal first."},
    )


@dataclass(frozen=True)
class Chosen:
    """The filter in force. `kind` is that of the odds, "wins" for any win, "" for every spin."""

    since: date | None = None
    until: date | None = None
    kind: str = ""

    @property
    def is_any(self) -> bool:
        return bool(self.since or self.until or self.kind)

    def query(self, before: int | None = None) -> str:
        """The address of a page of this choice, from `?` on."""
        given = {"since": self.since, "until": self.until, "kind": self.kind, "before": before}
        return f"?{urlencode({name: value for name, value in given.items() if value not in (None, '')})}"


@dataclass(frozen=True)
class PastRow:
    """One spin of the list."""

    spin: Any
    text: str


@dataclass(frozen=True)
class KindRow:
    """Hits of one kind of win, and how many its odds let expect, to a tenth."""

    kind: str
    text: str
    hits: int
    expected: str
    query: str


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the chosen spins. Days that are none are named, and all spins are shown."""
    user = _player(request)
    form = HistoryForm(request.GET, label_suffix="")
    form.is_valid()
    form.flag()
    given = {} if form.errors else form.cleaned_data
    chosen = Chosen(since=given.get("since"), until=given.get("until"), kind=given.get("kind") or "")
    stretch = services.stretch_of(user=user, since=chosen.since, until=chosen.until)
    totals = services.past_totals(user=user, stretch=stretch)
    wins = chosen.kind == "wins"
    found = services.past_spins(
        user=user, stretch=stretch, before=given.get("before"), wins=wins, kind="" if wins else chosen.kind
    )
    kinds = [_kind_row(row, chosen) for row in totals.kinds]
    won = services.kinds_won(found.spins)
    context = {
        "days": [form["since"], form["until"]],
        "chosen": chosen,
        "totals": totals,
        "in_archives": services.past_in_archives(user=user),
        "kinds": kinds,
        "is_kind_known": chosen.kind in ("", "wins", *(row.kind for row in kinds)),
        "rows": [PastRow(spin, short_text(spin, won.get(spin.id, ""))) for spin in found.spins],
        "returned": _returned(totals),
        "looked_to": found.looked_to,
        "scanned": services.SCANNED_SPINS,
        "older": None if found.older is None else chosen.query(found.older),
        "newest": chosen.query() if given.get("before") is not None else None,
    }
    return render(request, "pages/slots/past.html", context)


@login_required
@require_GET
def spin(request: HttpRequest, spin_id: UUID) -> HttpResponse:
    """Show one spin and everything that its proof rests on. 404 for somebody else's and for a detached month's.

    Where no spin before it tells its seal, that is said, and a seal that the player kept (`seal`) is compared.
    """
    try:
        proven = services.proven_spin(user=_player(request), spin_id=spin_id)
    except SpinArchived as archived:
        return render(request, "pages/slots/archived.html", {"message": str(archived)}, status=HTTPStatus.NOT_FOUND)
    spun = proven.spin
    sealed = services.commitment(bytes(spun.seed)).hex()
    form = SealForm(request.GET if "seal" in request.GET else None, label_suffix="")
    kept = form.cleaned_data["seal"].lower() if form.is_valid() else None
    form.flag()
    proof = {
        "table": json.loads(proven.canonical),
        "sealedBefore": proven.sealed_before.hex() if proven.sealed_before else kept,
        "answer": {
            "nonce": spun.nonce,
            "result": {"symbols": list(spun.symbols), "payout": spun.payout},
            "fairness": {
                "seed": bytes(spun.seed).hex(),
                "clientSeed": spun.client_seed,
                "clientNonce": bytes(spun.client_nonce).hex(),
                "paytableDigest": bytes(spun.paytable_digest).hex(),
            },
        },
    }
    context = {
        "proven": proven,
        "text": result_text(spun, services.kinds_won([spun]).get(spun.id, "")),
        "proof": proof,
        "sealed": sealed,
        "seal": form["seal"],
        "seal_fits": None if kept is None else kept == sealed,
        "net": spun.payout - spun.bet,
    }
    return render(request, "pages/slots/spin.html", context)


def _player(request: HttpRequest) -> User:
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    return user


def _kind_row(row: services.KindHits, chosen: Chosen) -> KindRow:
    tenths = round(row.expected * 10)
    query = replace(chosen, kind=row.kind).query()
    expected = f"{tenths // 10:,}.{tenths % 10}" if tenths else "under 0.1"
    return KindRow(row.kind, kind_text(row.kind), row.hits, expected, query)


def _returned(totals: services.Totals) -> str:
    """The share of the stake that came back, in percent, to a tenth; empty without a stake."""
    if not totals.staked:
        return ""
    tenths = round(Fraction(totals.won * 1_000, totals.staked))
    return f"{tenths // 10:,}.{tenths % 10}"
