"""The game's switch, its reopenings, the paytables and their steps."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.ids import new_id

HASH_BYTES = 32


def staff_key(**options: Any) -> "models.ForeignKey":
    """A foreign key to a member of staff without an index of its own."""
    return models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False, **options)


class Game(models.Model):
    """The switch of a game: one row, inserted by ``seed_reference``. Without a row the game is closed.

    ``closed_by_drift_at``: since when its actual return has closed it. ``counted_from``: the first spin of the present
    count of that return, null: the table's first.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=20, unique=True)
    enabled = models.BooleanField(default=True)
    closed_by_drift_at = models.DateTimeField(null=True)
    counted_from = models.UUIDField(null=True)
    changed_at = models.DateTimeField(db_default=CoreNow())

    def __str__(self) -> str:
        return self.code


class PaytableStatus(models.TextChoices):
    DRAFT = "draft"
    COMPUTED = "computed"
    APPROVED = "approved"
    ACTIVE = "active"
    RETIRED = "retired"


class Paytable(models.Model):
    """One version of the rules, never changed; a trigger allows only the status to change, one step at a time.

    ``canonical`` is the form that the digest is computed of; the database recomputes it. ``par`` is the exact
    sheet, written with the step to ``computed``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    canonical = models.TextField()
    digest = models.BinaryField(max_length=HASH_BYTES, unique=True)
    declared_rtp = models.CharField(max_length=40)
    par = models.JSONField(null=True)
    status = models.CharField(max_length=8, choices=PaytableStatus.choices, default=PaytableStatus.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=CoreNow())
    computed_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="slots_paytable_version_once"),
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status=PaytableStatus.ACTIVE), name="slots_paytable_one_active"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=PaytableStatus.values), name="slots_paytable_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status=PaytableStatus.DRAFT, par__isnull=True)
                | (~models.Q(status=PaytableStatus.DRAFT) & models.Q(par__isnull=False)),
                name="slots_paytable_computed_has_par",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("created_by")),
                name="slots_paytable_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def is_discarded(self) -> bool:
        """Whether it was retired before it was ever active: a trigger allows it no further step."""
        return self.status == PaytableStatus.RETIRED and self.activated_at is None


class PaytableStep(models.Model):
    """One step of a paytable by a member of staff, and why. Append-only (a trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    paytable = models.ForeignKey(Paytable, models.PROTECT, related_name="+", db_index=False)
    from_status = models.CharField(max_length=8, choices=PaytableStatus.choices, db_default="")
    to_status = models.CharField(max_length=8, choices=PaytableStatus.choices)
    actor = staff_key(null=True)
    reason = models.TextField(db_default="")
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(to_status__in=PaytableStatus.values, from_status__in=["", *PaytableStatus.values]),
                name="slots_paytablestep_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(to_status=PaytableStatus.RETIRED) | ~Q(reason=""), name="slots_paytablestep_retired_why"
            ),
        ]
        indexes = [models.Index(fields=["paytable", "-id"], name="slots_paytablestep_of_table")]


class ReviewRequest(models.Model):
    """A member of staff who may approve a paytable was asked to look at it. Append-only (a trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    paytable = models.ForeignKey(Paytable, models.PROTECT, related_name="+", db_index=False)
    asked = staff_key()
    asked_by = staff_key()
    asked_at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(asked=F("asked_by")), name="slots_reviewrequest_of_another"),
        ]
        indexes = [models.Index(fields=["paytable", "-id"], name="slots_reviewrequest_of_table")]


class Reopening(models.Model):
    """A request to open a game again that its return has closed, and the decision of a second person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    game = models.ForeignKey(Game, models.PROTECT, related_name="+", db_index=False)
    asked_by = staff_key()
    asked_at = models.DateTimeField(db_default=CoreNow())
    reason = models.TextField()
    decided_by = staff_key(null=True)
    decided_at = models.DateTimeField(null=True)
    approved = models.BooleanField(null=True)
    decision_reason = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["game"], condition=Q(approved__isnull=True), name="slots_reopening_one_open"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="slots_reopening_has_a_reason"),
            models.CheckConstraint(
                condition=Q(approved__isnull=True, decided_by__isnull=True, decided_at__isnull=True)
                | Q(approved__isnull=False, decided_by__isnull=False, decided_at__isnull=False),
                name="slots_reopening_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(approved__isnull=True) | Q(approved=False) | ~Q(decided_by=F("asked_by")),
                name="slots_reopening_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["game", "-id"], name="slots_reopening_of_game")]
