"""Runs of the verifier, their findings, and freezes of wallets."""

from django.db import models
from django.db.models import Q

from core.clock import CoreNow
from core.ids import new_id
from escrow.models.ledger import Wallet


class Verification(models.Model):
    """One run of the verifier. An incremental run checks what was written since `since`, a full one everything.

    `operations`: the number of operations checked; `findings`: the number reported, new or known.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    is_full = models.BooleanField()
    since = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    operations = models.BigIntegerField()
    findings = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_full=True, since__isnull=True) | Q(is_full=False, since__isnull=False),
                name="escrow_verification_since",
            ),
        ]


class Finding(models.Model):
    """A violated invariant, from when it was first seen until a full run no longer finds it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    check_name = models.CharField(max_length=8)
    subject = models.CharField(max_length=64)
    problem = models.TextField()
    first_seen_at = models.DateTimeField(db_default=CoreNow())
    last_seen_at = models.DateTimeField(db_default=CoreNow())
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["check_name", "subject"], condition=Q(cleared_at__isnull=True), name="escrow_finding_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.check_name} {self.subject}"


class Freeze(models.Model):
    """A time during which a wallet may not pay or receive (refunds still arrive), with its reasons.

    It was frozen for a `finding`, or by a member of staff (`frozen_by`).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="+", null=True)
    reason = models.TextField()
    frozen_by = models.UUIDField(null=True)
    frozen_at = models.DateTimeField(db_default=CoreNow())
    thawed_at = models.DateTimeField(null=True)
    thawed_by = models.UUIDField(null=True)
    thaw_reason = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet"], condition=Q(thawed_at__isnull=True), name="escrow_freeze_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(finding__isnull=False) | Q(frozen_by__isnull=False), name="escrow_freeze_has_a_cause"
            ),
            models.CheckConstraint(
                condition=Q(thawed_at__isnull=True, thawed_by__isnull=True)
                | Q(thawed_at__isnull=False, thawed_by__isnull=False),
                name="escrow_freeze_thaw_complete",
            ),
        ]
