"""What the wallet's endpoints answer, for the API's description only; a test keeps the real answers equal to it."""

from rest_framework import serializers

from escrow.models import ApprovalKind, ApprovalStatus, PayoutStatus
from escrow.services import Currency


class WalletOut(serializers.Serializer):
    currency = serializers.ChoiceField(choices=Currency.choices)
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    earned = serializers.IntegerField()
    owed = serializers.IntegerField()


class HoldOut(serializers.Serializer):
    id = serializers.UUIDField()
    status = serializers.CharField()
    amount = serializers.IntegerField()
    captured = serializers.IntegerField()
    released = serializers.IntegerField()
    currency = serializers.ChoiceField(choices=Currency.choices)
    payee = serializers.CharField(help_text="a performer's id, slots_bank or revenue")
    feature = serializers.CharField()
    createdAt = serializers.DateTimeField()
    expiresAt = serializers.DateTimeField(allow_null=True, help_text="null once an item took the hold or it was closed")


class HoldsOut(serializers.Serializer):
    items = HoldOut(many=True)
    next = serializers.CharField(allow_null=True)


class TransferOut(serializers.Serializer):
    id = serializers.UUIDField()
    operation = serializers.CharField()
    holdId = serializers.UUIDField(allow_null=True)
    currency = serializers.ChoiceField(choices=Currency.choices)
    available = serializers.IntegerField(help_text="the change; may be negative, as the next three")
    held = serializers.IntegerField()
    earned = serializers.IntegerField()
    owed = serializers.IntegerField()
    availableAfter = serializers.IntegerField()
    heldAfter = serializers.IntegerField()
    at = serializers.DateTimeField()


class TransfersOut(serializers.Serializer):
    items = TransferOut(many=True)
    next = serializers.CharField(allow_null=True)


class PriceOut(serializers.Serializer):
    amountMinor = serializers.IntegerField(help_text="in the smallest unit of `currency`")
    currency = serializers.CharField(help_text="ISO 4217")


class PackageOut(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    tokens = serializers.IntegerField()
    price = PriceOut()


class PackagesOut(serializers.Serializer):
    items = PackageOut(many=True)
    next = serializers.CharField(allow_null=True)


class ReceiptOut(serializers.Serializer):
    received = serializers.BooleanField()
    outcome = serializers.CharField(help_text="credited, charged_back, reversed_before or ignored")
    orderId = serializers.CharField(allow_null=True)


class DoneOut(serializers.Serializer):
    operationId = serializers.UUIDField()


class AwaitedOut(serializers.Serializer):
    approvalId = serializers.UUIDField()


class ApprovalOut(serializers.Serializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ApprovalKind.choices)
    status = serializers.ChoiceField(choices=ApprovalStatus.choices)
    userId = serializers.UUIDField()
    currency = serializers.ChoiceField(choices=Currency.choices)
    amount = serializers.IntegerField()
    reason = serializers.CharField()
    requestedBy = serializers.UUIDField()
    requestedAt = serializers.DateTimeField()
    decidedBy = serializers.UUIDField(allow_null=True)
    decidedAt = serializers.DateTimeField(allow_null=True)
    decisionReason = serializers.CharField(allow_null=True)
    reversesId = serializers.UUIDField(allow_null=True, help_text="the operation that a correction undoes")
    payoutId = serializers.UUIDField(allow_null=True)
    operationId = serializers.UUIDField(allow_null=True, help_text="what moved; null for a payout")


class ApprovalsOut(serializers.Serializer):
    items = ApprovalOut(many=True)
    next = serializers.CharField(allow_null=True)


class PayoutOut(serializers.Serializer):
    id = serializers.UUIDField()
    performerId = serializers.UUIDField()
    amount = serializers.IntegerField()
    currency = serializers.ChoiceField(choices=Currency.choices)
    status = serializers.ChoiceField(choices=PayoutStatus.choices)
    reason = serializers.CharField(allow_null=True)
    requestedAt = serializers.DateTimeField()
    decidedAt = serializers.DateTimeField(allow_null=True)


class PayoutsOut(serializers.Serializer):
    items = PayoutOut(many=True)
    next = serializers.CharField(allow_null=True)


class LatelyOut(serializers.Serializer):
    settled = serializers.IntegerField(help_text="paid to her, less the fee")
    count = serializers.IntegerField()


class EarningsOut(serializers.Serializer):
    currency = serializers.ChoiceField(choices=Currency.choices)
    earned = serializers.IntegerField(help_text="hers now, less what was asked to be paid out")
    owed = serializers.IntegerField()
    payoutsPending = serializers.IntegerField()
    paidOut = serializers.IntegerField()
    minimumPayout = serializers.IntegerField()
    last24Hours = LatelyOut()
    last7Days = LatelyOut()
    last30Days = LatelyOut()


class StatementLineOut(serializers.Serializer):
    id = serializers.UUIDField(help_text="the operation's")
    operation = serializers.CharField()
    holdId = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField(help_text="1 for the wallet's first line, without gaps")
    at = serializers.DateTimeField()
    available = serializers.IntegerField(help_text="the change; may be negative, as the next three")
    held = serializers.IntegerField()
    earned = serializers.IntegerField()
    owed = serializers.IntegerField()
    availableAfter = serializers.IntegerField()
    heldAfter = serializers.IntegerField()
    earnedAfter = serializers.IntegerField()
    owedAfter = serializers.IntegerField()


class StatementOut(serializers.Serializer):
    items = StatementLineOut(many=True)
    next = serializers.CharField(allow_null=True)


class BalanceOut(serializers.Serializer):
    currency = serializers.ChoiceField(choices=Currency.choices)
    version = serializers.IntegerField()
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    earned = serializers.IntegerField()
    owed = serializers.IntegerField()
    at = serializers.DateTimeField(allow_null=True, help_text="of the line; null before the first")
