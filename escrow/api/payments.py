"""What is on sale, and the payment provider's endpoint."""

import time
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api import Endpoint
from core.db import command
from core.errors import BodyTooLarge
from core.fields import Amount, Name, Page, Params, StrictChar, StrictUUID
from core.pagination import Slice
from core.parsing import MAX_BODY_BYTES, declared_length
from escrow import services, shapes
from escrow.services import payments


class PackageList(Endpoint):
    """GET /token-packages. 200: what is on sale, in its order."""

    public, Query, Output = True, Page, shapes.PackagesOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(Slice(services.packages(), None))


class OrderFacts(Params):
    """Members of an event about an order. Unknown members are ignored, because a provider adds some over time."""

    eventId = Name()
    type = StrictChar(trim_whitespace=False)
    orderId = Name()
    userId = StrictUUID()
    packageId = StrictUUID()
    amount = Amount()


class PaymentWebhook(Endpoint):
    """POST /payments/webhook, signed. 200 {received, outcome, orderId}; 400; 401 SIGNATURE_INVALID; 403 WALLET_FROZEN;
    404; 409 IDEMPOTENCY_KEY_REUSED. An unknown type is 200 and ignored. Not keyed: `eventId` is the key."""

    public, Output = True, shapes.ReceiptOut
    authentication_classes = ()

    class Input(Params):
        eventId = Name()
        type = StrictChar(trim_whitespace=False)
        orderId = serializers.JSONField(required=False, allow_null=True)
        userId = serializers.JSONField(required=False, allow_null=True)
        packageId = serializers.JSONField(required=False, allow_null=True)
        amount = serializers.JSONField(required=False, allow_null=True)

    def perform_authentication(self, request: Request) -> None:
        def body() -> bytes:
            if declared_length(request.META) > MAX_BODY_BYTES:
                raise BodyTooLarge  # refused before it is read
            return request._request.body

        payments.assert_signed(
            body,
            request.headers.get("X-Payment-Signature", ""),
            secrets=settings.PAYMENT_WEBHOOK_SECRETS,
            now_s=time.time(),
        )

    def post(self, request: Request) -> HttpResponse:
        event_id, kind = self.data["eventId"], self.data["type"]
        if kind not in (payments.PAID, payments.CHARGEBACK):
            return self.answer(command(lambda: payments.ignore(event_id=event_id, type=kind)))
        facts = OrderFacts(data=request.data)
        facts.is_valid(raise_exception=True)
        order: dict[str, Any] = facts.validated_data
        event = payments.ProviderEvent(
            event_id=event_id,
            type=kind,
            order_id=order["orderId"],
            user_id=order["userId"],
            package_id=order["packageId"],
            amount=order["amount"],
        )
        return self.answer(command(lambda: payments.receive(event)))
