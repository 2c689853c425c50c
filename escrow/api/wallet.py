"""Endpoints of the wallet: read only."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api import Endpoint
from core.fields import Page
from escrow import shapes
from escrow.services import holds, wallets


class MyWallets(Endpoint):
    """GET /wallet. 200: [{currency, available, held, earned, owed}], TOKEN first."""

    Output = shapes.WalletOut(many=True)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(wallets.wallets_of(self.actor.pk))


class MyHolds(Endpoint):
    """GET /wallet/holds. 200: a list, newest first."""

    Query, Output = Page, shapes.HoldsOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(holds.holds_of(self.actor.pk))


class MyTransfers(Endpoint):
    """GET /wallet/transfers. 200: a list of the entries of one's wallets, newest first, with balances after each."""

    Query, Output = Page, shapes.TransfersOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(wallets.transfers_of(self.actor.pk))
