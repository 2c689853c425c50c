"""The gates' refusals. Append-only (a trigger)."""

from django.db import models

from core.clock import CoreNow
from core.ids import new_id


class Refusal(models.Model):
    """One refusal of one person's command: ids and codes only.

    `policy_version`: the number of the region's policy in force, 0 without one; rows of before there were policies say
    `terms-N`. `region`: as it was sent, null if none was determined.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    feature = models.CharField(max_length=40)
    gate = models.CharField(max_length=40)
    code = models.CharField(max_length=60)
    policy_version = models.CharField(max_length=40)
    region = models.CharField(max_length=40, null=True)
    request_id = models.CharField(max_length=64, db_default="")
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="compliance_refusal_of_user"),
            models.Index(fields=["code", "-id"], name="compliance_refusal_of_code"),
        ]
