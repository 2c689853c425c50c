"""What the wallet's endpoints answer."""

from datetime import datetime
from typing import Any

from django.conf import settings
from rest_framework import serializers

from core.shapes import Shape, TextOrNull, page_of
from escrow.models import ApprovalKind, ApprovalStatus, EventOutcome, OperationKind, PayoutStatus
from escrow.services import Currency, HoldStatus


class InTokens(serializers.ChoiceField):
    """The currency of what is counted in tokens only."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Currency.choices, source="*", **kwargs)

    def to_representation(self, value: object) -> str:
        return Currency.TOKEN


class HoldFactsOut(Shape):  # what the shapes of a hold have in common
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=HoldStatus.choices)
    amount = serializers.IntegerField()
    captured = serializers.IntegerField()
    released = serializers.IntegerField()
    currency = serializers.ChoiceField(choices=Currency.choices)
    payee = serializers.SerializerMethodField(help_text="a performer's id, slots_bank or revenue")

    def get_payee(self, hold: Any) -> str:
        return str(hold.payee_id or hold.payee_house)

    def get_expiresAt(self, hold: Any) -> datetime | None:
        expires_at: datetime | None = hold.expires_at
        return expires_at if hold.status == HoldStatus.HELD else None


class HoldOut(HoldFactsOut):
    feature = serializers.CharField()
    createdAt = serializers.DateTimeField(source="created_at")
    expiresAt = serializers.SerializerMethodField(help_text="null once an item took the hold or it was closed")


class TransferOut(Shape):
    id = serializers.UUIDField(source="operation_id")
    operation = serializers.ChoiceField(source="operation.kind", choices=OperationKind.choices)
    holdId = serializers.UUIDField(source="operation.hold_id", allow_null=True)
    currency = serializers.ChoiceField(choices=Currency.choices)
    available = serializers.IntegerField(
        source="d_available", help_text="the change; may be negative, as the next three"
    )
    held = serializers.IntegerField(source="d_held")
    earned = serializers.IntegerField(source="d_earned")
    owed = serializers.IntegerField(source="d_owed")
    availableAfter = serializers.IntegerField(source="available_after")
    heldAfter = serializers.IntegerField(source="held_after")
    at = serializers.DateTimeField()


class PriceOut(Shape):
    amountMinor = serializers.IntegerField(source="price_minor", help_text="in the smallest unit of `currency`")
    currency = serializers.CharField(source="price_currency", help_text="ISO 4217")


class PackageOut(Shape):
    id = serializers.UUIDField()
    title = serializers.CharField()
    tokens = serializers.IntegerField()
    price = PriceOut(source="*")


class ReceiptOut(Shape):
    received = serializers.SerializerMethodField()
    outcome = serializers.ChoiceField(
        choices=EventOutcome.choices,
        help_text="reversed_before: by staff; unchanged: the order stays as it was; ignored: an unknown type",
    )
    orderId = serializers.CharField(source="order_id", allow_null=True)

    def get_received(self, receipt: object) -> bool:
        return True


class DoneOut(Shape):
    operationId = serializers.UUIDField(source="operation_id")


class AwaitedOut(Shape):
    approvalId = serializers.UUIDField(source="approval.pk")


class ApprovalOut(Shape):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ApprovalKind.choices)
    status = serializers.ChoiceField(choices=ApprovalStatus.choices)
    userId = serializers.UUIDField(source="user_id")
    currency = serializers.ChoiceField(choices=Currency.choices)
    amount = serializers.IntegerField()
    reason = serializers.CharField()
    requestedBy = serializers.UUIDField(source="requested_by_id")
    requestedAt = serializers.DateTimeField(source="requested_at")
    decidedBy = serializers.UUIDField(source="decided_by_id", allow_null=True)
    decidedAt = serializers.DateTimeField(source="decided_at", allow_null=True)
    decisionReason = TextOrNull(source="decision_reason")
    reversesId = serializers.UUIDField(
        source="reverses_id", allow_null=True, help_text="the operation that a correction undoes"
    )
    payoutId = serializers.UUIDField(source="payout_id", allow_null=True)
    operationId = serializers.UUIDField(source="result_id", allow_null=True, help_text="what moved; null for a payout")


class PayoutOut(Shape):
    id = serializers.UUIDField()
    performerId = serializers.UUIDField(source="performer_id")
    amount = serializers.IntegerField()
    currency = InTokens()
    status = serializers.ChoiceField(choices=PayoutStatus.choices)
    reason = TextOrNull()
    requestedAt = serializers.DateTimeField(source="requested_at")
    decidedAt = serializers.DateTimeField(source="decided_at", allow_null=True)


class SettledOut(Shape):
    settled = serializers.IntegerField(source="tokens", help_text="paid to her, less the fee")
    count = serializers.IntegerField()


class EarningsOut(Shape):
    currency = InTokens()
    earned = serializers.IntegerField(help_text="hers now, less what was asked to be paid out")
    owed = serializers.IntegerField()
    payoutsPending = serializers.IntegerField(source="payouts_pending")
    paidOut = serializers.IntegerField(source="paid_out")
    minimumPayout = serializers.SerializerMethodField()
    last24Hours = SettledOut(source="last_24_hours")
    last7Days = SettledOut(source="last_7_days")
    last30Days = SettledOut(source="last_30_days")

    def get_minimumPayout(self, earnings: object) -> int:
        minimum: int = settings.PAYOUT_MINIMUM
        return minimum


class StatementEntryOut(Shape):
    id = serializers.UUIDField(source="operation_id", help_text="the operation's")
    operation = serializers.ChoiceField(source="operation.kind", choices=OperationKind.choices)
    holdId = serializers.UUIDField(source="operation.hold_id", allow_null=True)
    version = serializers.IntegerField(help_text="1 for the wallet's first entry, without gaps")
    at = serializers.DateTimeField()
    available = serializers.IntegerField(
        source="d_available", help_text="the change; may be negative, as the next three"
    )
    held = serializers.IntegerField(source="d_held")
    earned = serializers.IntegerField(source="d_earned")
    owed = serializers.IntegerField(source="d_owed")
    availableAfter = serializers.IntegerField(source="available_after")
    heldAfter = serializers.IntegerField(source="held_after")
    earnedAfter = serializers.IntegerField(source="earned_after")
    owedAfter = serializers.IntegerField(source="owed_after")


class BalanceOut(Shape):
    currency = serializers.ChoiceField(choices=Currency.choices)
    version = serializers.IntegerField()
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    earned = serializers.IntegerField()
    owed = serializers.IntegerField()
    at = serializers.DateTimeField(allow_null=True, help_text="of the entry; null before the first")


HoldsOut = page_of(HoldOut)
TransfersOut = page_of(TransferOut)
PackagesOut = page_of(PackageOut)
ApprovalsOut = page_of(ApprovalOut)
PayoutsOut = page_of(PayoutOut)
StatementOut = page_of(StatementEntryOut, "StatementOut")
