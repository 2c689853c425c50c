"""Endpoints of the wallet: read only."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api import Endpoint
from core.fields import Page
from escrow import shapes
from escrow.services import holds, wallets


class MyHolds(Endpoint):
    """List one's own holds, newest first."""

    Query, Output = Page, shapes.HoldsOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(holds.holds_of(self.actor.pk))


class MyTransfers(Endpoint):
    """List the entries of one's own wallets, newest first.

    Each has the balances after it.
    """

    Query, Output = Page, shapes.TransfersOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(wallets.transfers_of(self.actor.pk))
