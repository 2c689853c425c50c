"""Endpoints of the service accounts' holds: another feature holds money, and submits the item later."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

import compliance.services
from accounts.models import STAFF_ROLES, Role
from compliance.errors import PURCHASE_GATES, GateRefused
from core.api import Endpoint
from core.errors import Forbidden, NotFound
from core.fields import UUID_PATTERN, UUID_TEXT, Amount, Body, StrictChar, StrictEnum, StrictUUID
from escrow.errors import InsufficientBalance, WalletFrozen
from escrow.services import Currency, House
from perfqueue import errors, services, shapes


class PayeeName(StrictChar):
    """Who is paid: a performer's id, or a house account."""

    pattern = f"^({'|'.join(services.PAYEES)}|{UUID_PATTERN})$"


class OpenHold(Endpoint):
    """Hold a person's tokens or points for another feature.

    The hold expires after 5 minutes unless an intake takes it.
    """

    roles, operation, Output = (Role.SERVICE,), "escrow.hold", {201: shapes.ServiceHoldOut}
    refuses = (
        NotFound,
        Forbidden,
        errors.ServiceCapReached,
        InsufficientBalance,
        WalletFrozen,
        *PURCHASE_GATES,
    )

    class Input(Body):
        userId = StrictUUID(source="user_id")
        amount = Amount()
        currency = StrictEnum(Currency)
        payee = PayeeName(max_length=36)
        reason = StrictChar(max_length=500)
        sourceFeature = StrictChar(source="feature", max_length=40)
        sourceEventId = StrictChar(source="source_event_id", max_length=128)

        def validate_payee(self, payee: str) -> UUID | House:
            if payee in services.PAYEES:
                return House(payee)
            if not UUID_TEXT.match(payee):
                raise serializers.ValidationError("A performer's id, slots_bank or revenue is needed.")
            return UUID(payee)

    def post(self, request: Request) -> HttpResponse:
        wanted = services.ServiceHoldRequest(key=self.key, **self.data)
        try:
            return self.once(work=lambda: services.open_hold(wanted, service=self.actor), status=201)
        except GateRefused as refusal:
            compliance.services.record_refusal(
                user_id=wanted.user_id, feature=wanted.feature, refusal=refusal, region=None
            )
            raise


class HoldDetail(Endpoint):
    """Show a hold of a service account."""

    roles, Output = (Role.SERVICE, *STAFF_ROLES), shapes.ServiceHoldOut
    refuses = (Forbidden,)

    def get(self, request: Request, hold_id: UUID) -> HttpResponse:
        return self.answer(services.hold_for(hold_id, viewer=self.actor))
