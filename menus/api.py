"""Menus over HTTP."""

from typing import NamedTuple, cast
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

import perfqueue.services
from accounts.models import Role, User
from core.api import Endpoint
from core.fields import Amount, Body, Params, StrictChar
from menus import services, shapes


class MenusOfPerformer(Endpoint):
    """GET /performer/{id}/menus. Public. 200 the performer's active menus; 404."""

    public, Output = True, shapes.MenusOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        return self.answer(services.menus_of(performer_id))


class Menus(Endpoint):
    """GET /menus?section=&search=. Public. 200 active menus, the platform's first, at most 100."""

    public, Output = True, shapes.MenusOut

    class Query(Params):
        section = StrictChar(required=False, allow_blank=True, max_length=40, default="")
        search = StrictChar(required=False, allow_blank=True, max_length=80, default="")

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.menus(**self.query))


class Purchased(NamedTuple):
    """A purchase, and its item as the buyer sees it."""

    result: services.PurchaseResult
    item: perfqueue.services.ItemView


class BuyItem(Endpoint):
    """POST /menus/items/{id}/purchase. Keyed. 201 {purchaseId, status, queueItem}.

    400 VALIDATION_FAILED; 402 INSUFFICIENT_BALANCE; 403 FORBIDDEN (her own), ROLE_NOT_ALLOWED,
    AGE_VERIFICATION_REQUIRED, TERMS_NOT_ACCEPTED, WALLET_FROZEN; 404; 409 ITEM_UNAVAILABLE, PRICE_CHANGED,
    QUEUE_CLOSED, QUEUE_PAUSED, QUEUE_FULL, USER_QUEUE_LIMIT; 503 QUEUE_BUSY, LEDGER_UNAVAILABLE.
    """

    roles = (Role.USER, Role.PERFORMER)  # a performer's own item is FORBIDDEN, another's ROLE_NOT_ALLOWED
    operation, Output = "menus.purchase", {201: shapes.PurchaseOut}

    class Input(Body):
        expectedPrice = Amount(source="expected_price")
        amount = Amount(required=False)
        note = StrictChar(required=False, allow_blank=True, max_length=200)

    def before_command(self) -> None:
        services.gate_of(self.kwargs["item_id"]).before_command()

    def post(self, request: Request, item_id: UUID) -> HttpResponse:
        buyer = cast(User, request.user)
        return self.once(
            work=lambda: services.purchase(buyer=buyer, item_id=item_id, **self.data),
            prepare=lambda result: Purchased(result, perfqueue.services.item_view(result.intake.item, viewer=buyer)),
            status=201,
        )
