"""Whose age must be, or was, decided. The decisions are append-only (a trigger); their dates can be erased."""

from django.db import models
from django.db.models import Q

from compliance.models.spending import user_key
from core.clock import CoreNow
from core.ids import new_id


class AgeState(models.TextChoices):
    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"


class AgeCaseReason(models.TextChoices):
    """Why staff decide: what the provider answered, or that nobody has been asked."""

    NEW = "new"
    ASKED = "asked"
    UNSURE = "unsure"
    NO_ANSWER = "no_answer"


class AgeSource(models.TextChoices):
    PROVIDER = "provider"
    STAFF = "staff"


class AgeCase(models.Model):
    """A user's age: one row each, locked by whoever decides. `region`: where the user asked from."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField("accounts.User", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=AgeState.choices, default=AgeState.PENDING)
    why = models.CharField(max_length=9, choices=AgeCaseReason.choices, default=AgeCaseReason.NEW)
    region = models.CharField(max_length=40, null=True)
    opened_at = models.DateTimeField(db_default=CoreNow())
    decided_at = models.DateTimeField(null=True)
    decided_by = user_key(null=True)
    provider_reference = models.CharField(max_length=200, db_default="")
    provider_answer = models.CharField(max_length=40, db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=AgeState.values), name="compliance_agecase_state_known"),
            models.CheckConstraint(condition=Q(why__in=AgeCaseReason.values), name="compliance_agecase_why_known"),
            models.CheckConstraint(
                condition=Q(state=AgeState.PENDING, decided_at__isnull=True, decided_by__isnull=True)
                | ~Q(state=AgeState.PENDING) & Q(decided_at__isnull=False),
                name="compliance_agecase_decided_has_a_time",
            ),
        ]
        indexes = [models.Index(fields=["state", "opened_at", "id"], name="compliance_agecase_oldest")]


class AgeDecision(models.Model):
    """One decision on a user's age. `actor`: the member of staff, null for the provider."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    outcome = models.CharField(max_length=8, choices=AgeState.choices)
    by = models.CharField(max_length=8, choices=AgeSource.choices)
    actor = user_key(null=True)
    reason = models.TextField()
    policy_version = models.CharField(max_length=40)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=[AgeState.VERIFIED, AgeState.REJECTED]), name="compliance_agedecision_outcome"
            ),
            models.CheckConstraint(
                condition=Q(by=AgeSource.PROVIDER, actor__isnull=True) | Q(by=AgeSource.STAFF, actor__isnull=False),
                name="compliance_agedecision_staff_is_named",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="compliance_agedecision_has_a_reason"),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="compliance_agedecision_of_user")]


class AgeDate(models.Model):
    """The dates of birth before and after a decision, apart from it: erasure deletes them."""

    decision = models.OneToOneField(AgeDecision, on_delete=models.PROTECT, primary_key=True, related_name="dates")
    old = models.DateField(null=True)
    new = models.DateField(null=True)
