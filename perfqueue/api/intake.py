"""The endpoint by which another feature submits an item that its buyer has paid for."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Role
from core.api import KEY
from core.errors import Forbidden, IdempotencyKeyRequired, NotFound, ValidationFailed
from core.fields import Amount, Body, StrictChar, StrictChoice, StrictInt, StrictUUID, Title
from core.idempotency import KEY_PATTERN, Answer
from escrow.errors import HoldClosed, HoldMismatch, WalletFrozen
from escrow.services import Currency
from perfqueue import errors, services, shapes
from perfqueue.api.gated import QueueEndpoint
from perfqueue.services import Fulfilment, Gate

MAX_FACTS = 20
MAX_FACT_CHARS = 128
MAX_FACT_NAME_CHARS = 64
MAX_FACT_NUMBER = 2**53 - 1  # the largest that every JSON parser keeps exact
Fact = str | int | bool | None


class Key(StrictChar):
    """The idempotency key of an intake."""

    pattern = f"^{KEY_PATTERN}$"


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MAX_FACTS,
        "propertyNames": {"maxLength": MAX_FACT_NAME_CHARS},
        "additionalProperties": {
            "oneOf": [
                {"type": "string", "maxLength": MAX_FACT_CHARS},
                {"type": "integer", "minimum": -MAX_FACT_NUMBER, "maximum": MAX_FACT_NUMBER},
                {"type": "boolean"},
                {"type": "null"},
            ]
        },
    }
)
class Metadata(serializers.JSONField):
    """Facts of the feature, kept with the item."""


class Award(Body):
    """Points for the buyer, from `slots_bank`."""

    amount = Amount()
    currency = StrictChoice(choices=Currency.choices)

    def validate_currency(self, currency: str) -> str:
        if currency != Currency.POINT:
            raise serializers.ValidationError("An award is paid in points.")
        return currency


class SubmitItem(QueueEndpoint):
    """Submit an item that its buyer has paid for by a hold.

    Its key is `idempotencyKey`; the header, if sent, must equal it. A refusal leaves the hold to expire.
    """

    roles, operation, Output = (Role.SERVICE,), "queue.intake", {201: shapes.QueueItemOut}
    key_in_body = True
    refuses = (
        NotFound,
        Forbidden,
        errors.ServiceCapReached,
        HoldClosed,
        HoldMismatch,
        WalletFrozen,
        errors.QueueClosed,
        errors.QueuePaused,
        errors.QueueFull,
        errors.UserQueueLimit,
    )

    class Input(Body):
        idempotencyKey = Key(source="idempotency_key", trim_whitespace=False, max_length=128)
        sourceFeature = StrictChar(source="source_feature", max_length=40)
        sourceEventId = StrictChar(source="source_event_id", max_length=128)
        performerId = StrictUUID(source="performer_id", allow_null=True)
        userId = StrictUUID(source="user_id")
        escrowTransactionId = StrictUUID(source="hold_id")
        tokens = Amount()
        currency = StrictChoice(choices=Currency.choices)
        title = Title(max_length=200)
        description = StrictChar(required=False, max_length=2_000, default="", allow_blank=True)
        durationSeconds = StrictInt(
            source="duration_s", required=False, min_value=1, max_value=86_400, default=None, allow_null=True
        )
        fulfilment = StrictChoice(choices=Fulfilment.choices)
        award = Award(required=False, default=None, allow_null=True)
        metadata = Metadata(required=False, default=dict)

        def validate_idempotencyKey(self, key: str) -> str:
            if not KEY.match(key):
                raise serializers.ValidationError("8 to 128 of A-Z a-z 0-9 _ - are needed.")
            return key

        def validate_award(self, award: dict[str, Any] | None) -> int:
            return award["amount"] if award else 0

        def validate_metadata(self, facts: Any) -> dict[str, Fact]:
            if not isinstance(facts, dict) or len(facts) > MAX_FACTS or not all(map(_is_fact, facts.items())):
                raise serializers.ValidationError(f"At most {MAX_FACTS} members, each an id, a whole number or a flag.")
            return facts

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            if attrs["fulfilment"] == Fulfilment.PERFORMED and attrs["performer_id"] is None:
                raise serializers.ValidationError({"performerId": "A performed item needs its performer."})
            return attrs

    def _parsed(self, request: Request) -> dict[str, Any]:
        """A missing key has its own code if nothing else is wrong with the body."""
        try:
            return super()._parsed(request)
        except serializers.ValidationError as refusal:
            if refusal.get_codes() == {"idempotencyKey": ["required"]}:
                raise IdempotencyKeyRequired from refusal
            raise

    def _replayed(self, request: Request) -> Answer | None:
        """The key is in the body; a header may repeat it."""
        sent = request.headers.get("Idempotency-Key")
        if sent is not None and sent != self.data["idempotency_key"]:
            raise ValidationFailed(idempotencyKey=["It must equal the Idempotency-Key header."])
        return self.known(request, self.data["idempotency_key"])

    def gate(self) -> Gate:
        performed = self.data["fulfilment"] == Fulfilment.PERFORMED
        return Gate.of_performers([self.data["performer_id"]] if performed else [])

    def post(self, request: Request) -> HttpResponse:
        payload, viewer = services.Intake(**self.data), self.actor
        return self.once(
            work=lambda: services.submit(payload, service=viewer),
            prepare=lambda result: services.item_view(result.item, viewer=viewer),
            status=201,
        )


def _is_fact(fact: tuple[str, Any]) -> bool:
    name, value = fact
    if len(name) > MAX_FACT_NAME_CHARS or not name.isprintable():
        return False
    if isinstance(value, str):
        return (
            len(value) <= MAX_FACT_CHARS and value.isprintable()
        )  # no NUL, no half of a surrogate pair: neither can be stored
    return value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= MAX_FACT_NUMBER)
