"""Events that RedRoomRewards sends."""

import time

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.api import Endpoint
from core.db import command
from core.errors import BodyTooLarge, ValidationFailed
from core.fields import Name, Params, StrictChar
from core.parsing import MAX_BODY_BYTES, declared_length
from escrow.errors import SignatureInvalid
from loyalty import services, shapes

SIGNATURE = OpenApiParameter(
    "X-RRR-Signature",
    str,
    OpenApiParameter.HEADER,
    required=True,
    pattern="^[0-9a-fA-F]{64}$",
    description="Hex HMAC-SHA256 of the body, or, with a timestamp, of the timestamp, a dot and the body.",
)
TIMESTAMP = OpenApiParameter(
    "X-RRR-Timestamp",
    str,
    OpenApiParameter.HEADER,
    pattern="^[0-9]{1,12}$",
    description="Unix seconds, at most 5 minutes off.",
)


class LoyaltyEvent(Params):
    """An event. Other members are kept as they are; `userId` or `memberId`, also within `data`, name the person."""

    event_id = Name()
    event_type = StrictChar(max_length=200, help_text="or `type`")


class LoyaltyWebhook(Endpoint):
    """Receive an event of RedRoomRewards.

    Signed over the body as sent. Not keyed: `event_id` is the key, and the first event of an id stands. Events of
    unknown types are kept, and answered 200 too.
    """

    public, Output, Described = True, shapes.EventReceiptOut, LoyaltyEvent
    authentication_classes = ()
    header_parameters = (SIGNATURE, TIMESTAMP)
    refuses = (SignatureInvalid,)

    class Input(Params):
        event_id = Name()
        event_type = StrictChar(max_length=200, required=False)
        type = StrictChar(max_length=200, required=False)

    def perform_authentication(self, request: Request) -> None:
        def body() -> bytes:
            if declared_length(request.META) > MAX_BODY_BYTES:
                raise BodyTooLarge  # refused before it is read
            return request._request.body

        services.assert_signed(
            body,
            request.headers.get("X-RRR-Signature", ""),
            at=request.headers.get("X-RRR-Timestamp"),
            secret=settings.RRR_WEBHOOK_SECRET,
            now_s=time.time(),
        )

    def post(self, request: Request) -> HttpResponse:
        kind = self.data.get("event_type") or self.data.get("type")
        if kind is None:
            raise ValidationFailed(event_type=["This field is required."])
        event = dict(request.data)
        return self.answer(
            command(lambda: services.receive_event(event_id=self.data["event_id"], type=kind, body=event))
        )
