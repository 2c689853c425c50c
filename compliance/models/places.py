"""Policies of regions. Append-only (a trigger): a change is a new version."""

from django.db import models
from django.db.models import Q

from compliance.models.spending import user_key
from core.clock import CoreNow
from core.ids import new_id

MIN_AGE, MAX_AGE = 18, 99


class PolicyVersion(models.Model):
    """What a region allows. Numbers count all regions' versions; a region's policy is its row with the largest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.PositiveIntegerField(unique=True)
    region = models.CharField(max_length=40)
    slots = models.BooleanField()
    wheel = models.BooleanField()
    minimum_age = models.PositiveSmallIntegerField(default=MIN_AGE)
    reason = models.TextField()
    author = user_key(null=True)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(number__gte=1), name="compliance_policy_from_number_1"),
            models.CheckConstraint(condition=~Q(region=""), name="compliance_policy_names_a_region"),
            models.CheckConstraint(condition=~Q(reason=""), name="compliance_policy_has_a_reason"),
            models.CheckConstraint(
                condition=Q(minimum_age__gte=MIN_AGE, minimum_age__lte=MAX_AGE), name="compliance_policy_minimum_age"
            ),
        ]
        indexes = [models.Index(fields=["region", "-number"], name="compliance_policy_in_force")]
