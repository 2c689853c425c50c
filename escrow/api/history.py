"""A wallet's statement with running balances, and its balances as of a version or time."""

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api import Endpoint
from core.errors import ValidationFailed
from core.fields import Digits, Page, Params, StrictEnum
from escrow import shapes
from escrow.services import Currency, wallets


class StatementQuery(Page):
    currency = StrictEnum(Currency, required=False, default=Currency.TOKEN)


class Statement(Endpoint):
    """GET /wallet/statement?currency=TOKEN. 200: one wallet's entries, newest first, with the balances after each."""

    Query, Output = StatementQuery, shapes.StatementOut

    def get(self, request: Request) -> HttpResponse:
        wallet = wallets.wallet_of(self.actor.pk, self.query["currency"])
        return self.page(wallets.statement(wallet), by="version")


class BalanceQuery(Params):
    currency = StrictEnum(Currency, required=False, default=Currency.TOKEN)
    version = Digits(required=False, min_value=0)
    at = serializers.DateTimeField(required=False)


class BalanceAsOf(Endpoint):
    """GET /wallet/balance?currency=TOKEN&version= or &at= (ISO 8601). 200; 400 with both or neither; 404 a version that
    the wallet has not reached."""

    Query, Output = BalanceQuery, shapes.BalanceOut

    def get(self, request: Request) -> HttpResponse:
        if ("version" in self.query) == ("at" in self.query):
            raise ValidationFailed(version=["Give a version or a moment (at), not both."])
        wallet = wallets.wallet_of(self.actor.pk, self.query["currency"])
        if "version" in self.query:
            found = wallets.balance_at_version(wallet, self.query["version"])
        else:
            found = wallets.balance_at(wallet, self.query["at"])
        return self.answer(found)
