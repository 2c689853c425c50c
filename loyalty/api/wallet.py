"""Balances of both currencies."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api import Endpoint
from loyalty import services, shapes


class MyWallets(Endpoint):
    """Show one's own balances, TOKEN first.

    Points that live in RedRoomRewards are its balance, with the time it was asked for; the last known one while it is
    away, null if none is known.
    """

    tag = "escrow"
    Output = shapes.WalletOut(many=True)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.wallets_now(self.actor.pk))
