"""Endpoints of a wallet's past: the statement with running balances, and balances as of a version or a moment."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api import Endpoint, utc
from core.errors import ValidationFailed
from core.fields import Digits, Page, Params, StrictChoice
from escrow import shapes
from escrow.services import Currency, wallets


class StatementQuery(Page):
    currency = StrictChoice(choices=Currency.choices, required=False, default=Currency.TOKEN)


class Statement(Endpoint):
    """GET /wallet/statement?currency=TOKEN. 200: one wallet's lines, newest first, with the balances after each."""

    Query, Output = StatementQuery, shapes.StatementOut

    def get(self, request: Request) -> HttpResponse:
        wallet = wallets.wallet_of(self.actor.pk, Currency(self.query["currency"]))
        return self.page(wallets.statement(wallet), lines_out, by="version")


class BalanceQuery(Params):
    currency = StrictChoice(choices=Currency.choices, required=False, default=Currency.TOKEN)
    version = Digits(required=False, min_value=0)
    at = serializers.DateTimeField(required=False)


class BalanceAsOf(Endpoint):
    """GET /wallet/balance?currency=TOKEN&version= or &at= (ISO 8601). 200; 400 with both or neither; 404 a version that
    the wallet has not reached."""

    Query, Output = BalanceQuery, shapes.BalanceOut

    def get(self, request: Request) -> HttpResponse:
        if ("version" in self.query) == ("at" in self.query):
            raise ValidationFailed(version=["Give a version or a moment (at), not both."])
        currency = Currency(self.query["currency"])
        wallet = wallets.wallet_of(self.actor.pk, currency)
        if "version" in self.query:
            found = wallets.balance_at_version(wallet, self.query["version"])
        else:
            found = wallets.balance_at(wallet, self.query["at"])
        return self.ok(
            {
                "currency": currency,
                "version": found.version,
                "available": found.available,
                "held": found.held,
                "earned": found.earned,
                "owed": found.owed,
                "at": utc(found.at),
            }
        )


def lines_out(entries: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": entry.operation_id,
            "operation": entry.operation.kind,
            "holdId": entry.operation.hold_id,
            "version": entry.version,
            "at": utc(entry.at),
            "available": entry.d_available,
            "held": entry.d_held,
            "earned": entry.d_earned,
            "owed": entry.d_owed,
            "availableAfter": entry.available_after,
            "heldAfter": entry.held_after,
            "earnedAfter": entry.earned_after,
            "owedAfter": entry.owed_after,
        }
        for entry in entries
    ]
