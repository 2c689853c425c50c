"""Payouts, and approvals: adjustments and payouts that need a second member of staff."""

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.fields import MAX_AMOUNT
from core.ids import new_id
from escrow.models.ledger import Currency, Operation, user_key


class PayoutStatus(models.TextChoices):
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"


class Payout(models.Model):
    """A payout of earned tokens: debited from `earned` when requested, credited again when rejected.

    Written by the ledger's SQL functions only. `operation` debited the tokens, `rejection` credited them again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    performer = user_key()
    amount = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=PayoutStatus.choices, db_default=PayoutStatus.REQUESTED)
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="+")
    rejection = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="+", null=True)
    requested_at = models.DateTimeField(db_default=CoreNow())
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)
    reason = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=1, amount__lte=MAX_AMOUNT), name="escrow_payout_amount_in_range"
            ),
            models.CheckConstraint(
                condition=Q(status="requested", decided_at__isnull=True, rejection__isnull=True)
                | Q(status="approved", decided_at__isnull=False, rejection__isnull=True)
                | Q(status="rejected", decided_at__isnull=False, rejection__isnull=False),
                name="escrow_payout_complete",
            ),
        ]
        indexes = [
            models.Index(fields=["performer", "-id"], name="escrow_payout_of_performer"),
            models.Index(fields=["-id"], name="escrow_payout_requested", condition=Q(status="requested")),
        ]


class ApprovalKind(models.TextChoices):
    GRANT = "grant"
    CORRECTION = "correction"
    WRITE_OFF = "write_off"
    PAYOUT = "payout"


class ApprovalStatus(models.TextChoices):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


class Approval(models.Model):
    """An adjustment or payout that one member of staff requested and another must approve. Open: nothing has moved.

    `reverses`: the operation that a correction reverses. `payout`: the payout to be approved. `result`: the operation
    that carried out the approval (none for a payout, whose tokens were debited when it was requested).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=ApprovalKind.choices)
    user = user_key()
    currency = models.CharField(max_length=5, choices=Currency.choices)
    amount = models.BigIntegerField()
    reverses = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    reason = models.TextField()
    requested_by = user_key()
    requested_at = models.DateTimeField(db_default=CoreNow())
    status = models.CharField(max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.OPEN)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True, default="")
    result = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", decided_by__isnull=True, decided_at__isnull=True, result__isnull=True)
                | Q(status="rejected", decided_by__isnull=False, decided_at__isnull=False, result__isnull=True)
                | Q(status="approved", kind="payout", decided_by__isnull=False, decided_at__isnull=False)
                | (
                    Q(status="approved", decided_by__isnull=False, decided_at__isnull=False, result__isnull=False)
                    & ~Q(kind="payout")
                ),
                name="escrow_approval_complete",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | ~Q(decided_by=F("requested_by")), name="escrow_approval_four_eyes"
            ),
            models.CheckConstraint(
                condition=Q(kind="correction", reverses__isnull=False, payout__isnull=True)
                | Q(kind="payout", payout__isnull=False, reverses__isnull=True)
                | Q(kind__in=("grant", "write_off"), reverses__isnull=True, payout__isnull=True),
                name="escrow_approval_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(amount__gte=1), name="escrow_approval_amount"),
            models.CheckConstraint(condition=~Q(reason=""), name="escrow_approval_has_a_reason"),
            models.UniqueConstraint(
                fields=["payout"], condition=Q(status="open"), name="escrow_approval_one_open_per_payout"
            ),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(status="open"), name="escrow_approval_one_open_per_reversal"
            ),
        ]
        indexes = [models.Index(fields=["-id"], name="escrow_approval_open", condition=Q(status="open"))]
