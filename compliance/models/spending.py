"""Users' spending limits and their history. What was spent is computed from holds; no total is stored."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.fields import MAX_AMOUNT
from core.ids import new_id

CURRENCIES = ("TOKEN", "POINT")
LOOSENED_AFTER = timedelta(hours=24)
CONFIRMED_WITHIN = timedelta(days=7)


class Window(models.TextChoices):
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


class LimitStep(models.TextChoices):
    """What happened to a limit. `lapsed`: a looser one that nobody confirmed in time."""

    SET = "set"
    ASKED = "asked"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    LAPSED = "lapsed"


def user_key(**options: Any) -> "models.ForeignKey":
    """A foreign key to a user without an index of its own."""
    return models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False, **options)


def _known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(currency__in=CURRENCIES), name=f"compliance_{name}_currency_known")


def _is_amount(column: str) -> Q:
    return Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__gte": 1, f"{column}__lte": MAX_AMOUNT})


class Limit(models.Model):
    """A user's limit on what they spend in one currency in one window; `amount` null: none.

    A looser one waits (`is_pending`) from `asked_at` to `effective_at`, is confirmed by `confirm_by`, and is
    `pending_amount`; null there: no limit. `since`: when `amount` began to hold.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    currency = models.CharField(max_length=5)
    window = models.CharField(max_length=3, choices=Window.choices)
    amount = models.BigIntegerField(null=True)
    since = models.DateTimeField(db_default=CoreNow())
    is_pending = models.BooleanField(default=False, db_default=False)
    pending_amount = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField(null=True)
    effective_at = models.DateTimeField(null=True)
    confirm_by = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "currency", "window"], name="compliance_limit_once"),
            _known("limit"),
            models.CheckConstraint(condition=Q(window__in=Window.values), name="compliance_limit_window_known"),
            models.CheckConstraint(
                condition=_is_amount("amount") & _is_amount("pending_amount"), name="compliance_limit_amounts_in_range"
            ),
            models.CheckConstraint(
                condition=Q(
                    is_pending=False,
                    pending_amount__isnull=True,
                    asked_at__isnull=True,
                    effective_at__isnull=True,
                    confirm_by__isnull=True,
                )
                | Q(is_pending=True, asked_at__isnull=False, effective_at__isnull=False, confirm_by__isnull=False),
                name="compliance_limit_pending_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(is_pending=False)
                | Q(effective_at=F("asked_at") + LOOSENED_AFTER, confirm_by=F("effective_at") + CONFIRMED_WITHIN),
                name="compliance_limit_pending_waits",
            ),
            models.CheckConstraint(
                condition=Q(is_pending=False)
                | Q(amount__isnull=False) & (Q(pending_amount__isnull=True) | Q(pending_amount__gt=F("amount"))),
                name="compliance_limit_pending_is_looser",
            ),
        ]

    @property
    def pending(self) -> "Limit | None":
        """This row while a looser limit waits in it."""
        return self if self.is_pending else None


class LimitChange(models.Model):
    """One step of a limit: from which amount to which, null: none. `actor`: who took it. Append-only (a trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    currency = models.CharField(max_length=5)
    window = models.CharField(max_length=3, choices=Window.choices)
    kind = models.CharField(max_length=9, choices=LimitStep.choices)
    old = models.BigIntegerField(null=True)
    new = models.BigIntegerField(null=True)
    actor = models.UUIDField(null=True)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            _known("limitchange"),
            models.CheckConstraint(condition=Q(window__in=Window.values), name="compliance_limitchange_window_known"),
            models.CheckConstraint(condition=Q(kind__in=LimitStep.values), name="compliance_limitchange_kind_known"),
            models.CheckConstraint(
                condition=_is_amount("old") & _is_amount("new"), name="compliance_limitchange_amounts_in_range"
            ),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="compliance_limitchange_of_user")]
