"""Nightly runs that compare our clearing account with RedRoomRewards' ledger, and what differs."""

from django.db import models
from django.db.models import Q

from core.clock import CoreNow
from core.ids import new_id
from loyalty.models.keys import user_key


class ReconciliationRun(models.Model):
    """One run over a day (UTC). `after_user`: the last user compared, where an interrupted run goes on.

    `clearing_here`, `clearing_there`: net points of the day by our clearing account and by their ledger.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.DateField(unique=True)
    started_at = models.DateTimeField(db_default=CoreNow())
    ended_at = models.DateTimeField(null=True)
    after_user = models.UUIDField(null=True)
    users = models.PositiveIntegerField(default=0)
    entries = models.PositiveIntegerField(default=0)
    clearing_here = models.BigIntegerField(default=0)
    clearing_there = models.BigIntegerField(default=0)


class DifferenceKind(models.TextChoices):
    """`missing`: here and not there · `extra`: there and not here · `differs`: another amount, or refused there."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERS = "differs"


class Difference(models.Model):
    """One row that differs: `key` is the transaction's id, `source` the spin, order or operation it comes from.

    `here`, `there`: points gained (below zero: lost) by each side, null where there is no row. Append-only.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(ReconciliationRun, on_delete=models.PROTECT, related_name="differences", db_index=False)
    kind = models.CharField(max_length=7, choices=DifferenceKind.choices)
    user = user_key()
    key = models.CharField(max_length=128)
    source = models.CharField(max_length=64, db_default="")
    here = models.BigIntegerField(null=True)
    there = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "user", "key"], name="loyalty_difference_once"),
            models.CheckConstraint(condition=Q(kind__in=DifferenceKind.values), name="loyalty_difference_kind_known"),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="loyalty_difference_of_user")]
