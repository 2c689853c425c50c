"""Versions of the terms, and who accepted which. Append-only (triggers)."""

from django.db import models
from django.db.models import Q

from compliance.models.spending import user_key
from core.clock import CoreNow
from core.ids import new_id


class Terms(models.Model):
    """One version of the terms. The current one has the largest number. `digest`: SHA-256 of the text."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=120)
    text = models.TextField()
    digest = models.BinaryField(max_length=32)
    published_at = models.DateTimeField(db_default=CoreNow())
    published_by = user_key(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(version__gte=1), name="compliance_terms_from_version_1")]


class TermsAcceptance(models.Model):
    """That a user accepted a version; `accounts_user.terms_version` has the last one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    version = models.ForeignKey(
        Terms, on_delete=models.PROTECT, to_field="version", db_column="version", related_name="+", db_index=False
    )
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "version"], name="compliance_termsacceptance_once")]
