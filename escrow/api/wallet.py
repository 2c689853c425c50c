"""Endpoints of the wallet: read only."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api import Endpoint, utc
from core.fields import Page
from escrow import shapes
from escrow.models import Hold
from escrow.services import HoldStatus, holds, wallets


class MyWallets(Endpoint):
    """GET /wallet. 200: [{currency, available, held, earned, owed}], TOKEN first."""

    Output = shapes.WalletOut(many=True)

    def get(self, request: Request) -> HttpResponse:
        return self.ok(
            [
                {
                    "currency": wallet.currency,
                    "available": wallet.available,
                    "held": wallet.held,
                    "earned": wallet.earned,
                    "owed": wallet.owed,
                }
                for wallet in wallets.wallets_of(self.actor.pk)
            ]
        )


def hold_out(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "status": hold.status,
        "amount": hold.amount,
        "captured": hold.captured,
        "released": hold.released,
        "currency": hold.currency,
        "payee": hold.payee_id or hold.payee_house,
        "feature": hold.feature,
        "createdAt": utc(hold.created_at),
        "expiresAt": utc(hold.expires_at) if hold.status == HoldStatus.HELD else None,
    }


class MyHolds(Endpoint):
    """GET /wallet/holds. 200: a list, newest first."""

    Query, Output = Page, shapes.HoldsOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(holds.holds_of(self.actor.pk), lambda found: [hold_out(hold) for hold in found])


class MyTransfers(Endpoint):
    """GET /wallet/transfers. 200: a list of the lines of one's wallets, newest first, with balances after each."""

    Query, Output = Page, shapes.TransfersOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(wallets.transfers_of(self.actor.pk), _transfers)


def _transfers(entries: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": entry.operation_id,
            "operation": entry.operation.kind,
            "holdId": entry.operation.hold_id,
            "currency": entry.currency,
            "available": entry.d_available,
            "held": entry.d_held,
            "earned": entry.d_earned,
            "owed": entry.d_owed,
            "availableAfter": entry.available_after,
            "heldAfter": entry.held_after,
            "at": utc(entry.at),
        }
        for entry in entries
    ]
