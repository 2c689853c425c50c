"""Events that RedRoomRewards sends."""

from django.db import models

from core.clock import CoreNow
from core.ids import new_id


class WebhookEvent(models.Model):
    """One event, once by its id. `handled`: something here was changed by it; other events are kept only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event_id = models.CharField(max_length=128, unique=True)
    type = models.CharField(max_length=64)
    body = models.JSONField()
    received_at = models.DateTimeField(db_default=CoreNow())
    handled = models.BooleanField(db_default=False, default=False)

    class Meta:
        indexes = [models.Index(fields=["-id"], name="loyalty_webhook_newest")]
