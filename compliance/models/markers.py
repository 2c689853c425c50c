"""Markers: what staff should look at."""

from django.db import models
from django.db.models import F, Q

from compliance.models.spending import user_key
from core.clock import CoreNow
from core.ids import new_id


class MarkerKind(models.TextChoices):
    RAPID_PLAY = "rapid_play"
    IMPROBABLE_LUCK = "improbable_luck"
    RTP_DRIFT = "rtp_drift"
    LIMIT_RAISED = "limit_raised"
    LONG_DAY = "long_day"
    STAKE_AFTER_CHECK = "stake_after_check"
    ARCHIVE_DEFECT = "archive_defect"
    FIGURES_DIFFER = "figures_differ"


class MarkerState(models.TextChoices):
    OPEN = "open"
    CLOSED = "closed"


class Marker(models.Model):
    """One thing to look at, of a user or of `subject` (a paytable's digest, a day, a month); seen again, it counts up.

    Closed by a member of staff with a reason; the next time opens another one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=MarkerKind.choices)
    user = user_key(null=True)
    subject = models.CharField(max_length=80, db_default="")
    facts = models.JSONField(default=dict)
    first_at = models.DateTimeField(db_default=CoreNow())
    last_at = models.DateTimeField(db_default=CoreNow())
    count = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=6, choices=MarkerState.choices, default=MarkerState.OPEN)
    closed_by = user_key(null=True)
    closed_at = models.DateTimeField(null=True)
    reason = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "user", "subject"],
                condition=Q(state=MarkerState.OPEN),
                nulls_distinct=False,
                name="compliance_marker_open_once",
            ),
            models.CheckConstraint(condition=Q(kind__in=MarkerKind.values), name="compliance_marker_kind_known"),
            models.CheckConstraint(condition=Q(last_at__gte=F("first_at")), name="compliance_marker_times_rise"),
            models.CheckConstraint(condition=Q(count__gte=1), name="compliance_marker_counts_from_1"),
            models.CheckConstraint(
                condition=Q(state=MarkerState.OPEN, closed_by__isnull=True, closed_at__isnull=True, reason="")
                | Q(state=MarkerState.CLOSED, closed_by__isnull=False, closed_at__isnull=False) & ~Q(reason=""),
                name="compliance_marker_closed_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="compliance_marker_newest"),
            models.Index(fields=["user", "-id"], name="compliance_marker_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.first_at:%Y-%m-%d}"
