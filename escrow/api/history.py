"""A wallet's statement with running balances, and its balances as of a version or time."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api import Endpoint
from core.errors import NotFound, ValidationFailed
from core.fields import Digits, Page, Params, StrictEnum
from escrow import shapes
from escrow.services import Currency, wallets


class StatementQuery(Page):
    currency = StrictEnum(Currency, required=False, default=Currency.TOKEN)


class Statement(Endpoint):
    """List the entries of one wallet, newest first.

    Each has the balances after it.
    """

    Query, Output = StatementQuery, shapes.StatementOut
    refuses = (NotFound,)

    def get(self, request: Request) -> HttpResponse:
        wallet = wallets.wallet_of(self.actor.pk, self.query["currency"])
        return self.page(wallets.statement(wallet), by="version")


EITHER = "One of version and at (ISO 8601) is needed, and not both."


class BalanceQuery(Params):
    currency = StrictEnum(Currency, required=False, default=Currency.TOKEN)
    version = Digits(required=False, min_value=0)
    at = serializers.DateTimeField(required=False)


class BalanceAsOf(Endpoint):
    """Show one wallet's balances as of a version or a moment.

    Give either `version` or `at`. A version that the wallet has not reached is 404, and so are points that live in
    RedRoomRewards.
    """

    Query, Output = BalanceQuery, shapes.BalanceOut
    refuses = (NotFound,)

    def get(self, request: Request) -> HttpResponse:
        if ("version" in self.query) == ("at" in self.query):
            raise ValidationFailed(version=[EITHER], at=[EITHER])
        if self.query["currency"] == Currency.POINT and settings.LOYALTY_BACKEND != "local":
            raise NotFound  # points only pass through our ledger
        wallet = wallets.wallet_of(self.actor.pk, self.query["currency"])
        if "version" in self.query:
            found = wallets.balance_at_version(wallet, self.query["version"])
        else:
            found = wallets.balance_at(wallet, self.query["at"])
        return self.answer(found)
