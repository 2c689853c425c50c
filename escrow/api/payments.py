"""What is on sale, and the payment provider's endpoint."""

import time
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from core.api import Endpoint
from core.db import command
from core.errors import BodyTooLarge, IdempotencyKeyReused, NotFound
from core.fields import Amount, Name, Page, Params, StrictChar, StrictChoice, StrictUUID
from core.pagination import Slice
from core.parsing import MAX_BODY_BYTES, declared_length
from escrow import services, shapes
from escrow.errors import SignatureInvalid, WalletFrozen
from escrow.services import payments

SIGNATURE = OpenApiParameter(
    "X-Payment-Signature",
    str,
    OpenApiParameter.HEADER,
    required=True,
    pattern="^t=[0-9]+,v1=[0-9a-fA-F]{64}$",
    description="`t=<unix seconds>,v1=<hex HMAC-SHA256 of t, a dot and the body>`; at most 5 minutes old.",
)


class PackageList(Endpoint):
    """List the token packages on sale, in their order."""

    public, Query, Output = True, Page, shapes.PackagesOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(Slice(services.packages(), None))


class PaymentEvent(Params):
    """An event about an order. Unknown members are ignored, because a provider adds some over time."""

    eventId = Name()
    type = StrictChoice(choices=(payments.PAID, payments.CHARGEBACK, payments.CHARGEBACK_REVERSED))
    orderId = Name()
    userId = StrictUUID()
    packageId = StrictUUID()
    amount = Amount()
    disputeId = Name(required=False, allow_null=True)


class PaymentWebhook(Endpoint):
    """Receive an event of the payment provider.

    Signed over the time, a dot and the body as sent. Not keyed: `eventId` is the key. An event of an unknown
    type is ignored with 200.
    """

    public, Output, Described = True, shapes.ReceiptOut, PaymentEvent
    authentication_classes = ()
    header_parameters = (SIGNATURE,)
    refuses = (SignatureInvalid, WalletFrozen, NotFound, IdempotencyKeyReused)

    class Input(Params):
        eventId = Name()
        type = StrictChar(trim_whitespace=False)
        orderId = serializers.JSONField(required=False, allow_null=True)
        userId = serializers.JSONField(required=False, allow_null=True)
        packageId = serializers.JSONField(required=False, allow_null=True)
        amount = serializers.JSONField(required=False, allow_null=True)
        disputeId = serializers.JSONField(required=False, allow_null=True)

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
        if kind not in (payments.PAID, payments.CHARGEBACK, payments.CHARGEBACK_REVERSED):
            return self.answer(command(lambda: payments.ignore(event_id=event_id, type=kind)))
        facts = PaymentEvent(data=request.data)
        facts.is_valid(raise_exception=True)
        order: dict[str, Any] = facts.validated_data
        event = payments.ProviderEvent(
            event_id=event_id,
            type=kind,
            order_id=order["orderId"],
            user_id=order["userId"],
            package_id=order["packageId"],
            amount=order["amount"],
            dispute_id=None if kind == payments.PAID else order.get("disputeId"),
        )
        return self.answer(command(lambda: payments.receive(event)))
