"""Events that RedRoomRewards sends."""

from django.db import models
from django.db.models import Q

from core.clock import CoreNow
from core.ids import new_id
from loyalty.models.keys import user_key


class WebhookEvent(models.Model):
    """One event, once by its id. The body of an erased person's is empty.

    `user`: whom it names. `due_at`: when it is followed (again), null for what is kept only and once it is done.
    `handled`: what it calls for was done. `note`: what staff should look at.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event_id = models.CharField(max_length=128, unique=True)
    type = models.CharField(max_length=64)
    body = models.JSONField()
    received_at = models.DateTimeField(db_default=CoreNow())
    handled = models.BooleanField(db_default=False, default=False)
    user = user_key(null=True)
    due_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=40, db_default="", default="")

    class Meta:
        indexes = [
            models.Index(fields=["-id"], name="loyalty_webhook_newest"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="loyalty_webhook_due"),
            models.Index(fields=["received_at"], condition=~Q(note=""), name="loyalty_webhook_noted"),
            models.Index(fields=["user", "-id"], name="loyalty_webhook_of_user"),
        ]
