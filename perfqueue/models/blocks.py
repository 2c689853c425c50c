"""Buyers whom a performer keeps out of the queue."""

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.ids import new_id


class Block(models.Model):
    """One buyer whom one performer keeps out of the queue."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    performer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["performer", "user"], name="perfqueue_block_once"),
            models.CheckConstraint(condition=~Q(user=F("performer")), name="perfqueue_block_of_another"),
        ]
