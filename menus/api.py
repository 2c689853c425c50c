"""Menus over HTTP."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from compliance.errors import PURCHASE_GATES
from core.api import Endpoint
from core.crowds import MOST_BYTES, CrowdEndpoint
from core.errors import Forbidden
from core.fields import Amount, Body, Params, StrictChar
from core.freshness import Shelf
from escrow.errors import InsufficientBalance, WalletFrozen
from menus import errors, services, shapes
from menus.batched import MAX_NOTE_CHARS, PURCHASE
from perfqueue.errors import QueueClosed, QueueFull, QueuePaused, UserQueueLimit


class MenusOfPerformer(CrowdEndpoint):
    """Show a performer's active menus."""

    Output = shapes.MenusOut
    shelf = Shelf(MOST_BYTES)
    look = staticmethod(services.look)

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        shown = services.menus_of(performer_id)
        self.made_of(services.version_of(shown))
        return self.answer(shown)


class Menus(Endpoint):
    """Search the active menus.

    The platform's come first; at most 100 menus.
    """

    public, Output = True, shapes.MenusOut

    class Query(Params):
        section = StrictChar(required=False, allow_blank=True, max_length=40, default="")
        search = StrictChar(required=False, allow_blank=True, max_length=80, default="")

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.menus(**self.query))


class BuyItem(Endpoint):
    """Buy a menu item.

    A performer's own item is 403 FORBIDDEN.
    """

    roles = (Role.USER, Role.PERFORMER)
    operation, Output = PURCHASE.operation, {201: shapes.PurchaseOut}
    refuses = (
        Forbidden,
        InsufficientBalance,
        WalletFrozen,
        errors.ItemUnavailable,
        errors.PriceChanged,
        QueueClosed,
        QueuePaused,
        QueueFull,
        UserQueueLimit,
        *PURCHASE_GATES,
    )

    class Input(Body):
        expectedPrice = Amount(source="expected_price")
        amount = Amount(required=False)
        note = StrictChar(required=False, allow_blank=True, max_length=MAX_NOTE_CHARS)

    def before_command(self) -> None:
        services.gate_of(self.kwargs["item_id"]).before_command()

    def post(self, request: Request, item_id: UUID) -> HttpResponse:
        return self.run(PURCHASE, services.Order(item_id=item_id, **self.data))
