"""Time-outs and self-exclusions. Append-only (triggers): none can be shortened."""

from django.db import models
from django.db.models import F, Q

from compliance.models.spending import user_key
from core.clock import CoreNow
from core.ids import new_id


class BreakKind(models.TextChoices):
    TIME_OUT = "time_out"
    EXCLUSION = "exclusion"


class Break(models.Model):
    """A span without games that a user has chosen. In force while `until` is ahead, or null: for good.

    What bars a user is the latest end of all their rows. `is_inherited`: from an erased account with the same e-mail.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    kind = models.CharField(max_length=9, choices=BreakKind.choices)
    duration = models.CharField(max_length=10, db_default="")
    from_at = models.DateTimeField(db_default=CoreNow())
    until = models.DateTimeField(null=True)
    actor = models.UUIDField(null=True)
    is_inherited = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=BreakKind.values), name="compliance_break_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=BreakKind.EXCLUSION) | Q(until__isnull=False), name="compliance_break_time_out_ends"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("from_at")),
                name="compliance_break_ends_after_start",
            ),
        ]
        indexes = [models.Index(fields=["user", "kind", "until"], name="compliance_break_of_user")]


class InheritedExclusion(models.Model):
    """An exclusion that an e-mail address carries, whoever signs up with it: a keyed hash of the address, no address.

    `until` null: for good. Kept when the account is erased; only a later end may replace an earlier one (a trigger).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email_hash = models.BinaryField(max_length=32, unique=True)
    until = models.DateTimeField(null=True)
    at = models.DateTimeField(db_default=CoreNow())
