"""The outbox and the templates of its messages."""

from django.db import models

from core.clock import CoreNow
from core.ids import new_id
from live.templates import MAX_TEMPLATE_CHARS


class EventRow(models.Model):
    """One event for a room, for one person, or for both. Append-only (a trigger); `live_prune` deletes old rows.

    The column `xid` (the writing transaction, `pg_current_xact_id()`) exists in the database only: it is filled by
    its default and read by the poller, which orders by (xid, id).
    """

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=80)
    variables = models.JSONField()
    room = models.UUIDField(null=True)
    recipient = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, db_default="")
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        db_table = "live_event"
        verbose_name = "event"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[a-z][a-z0-9_.]*$"), name="live_event_key_is_a_template_key"
            ),
        ]


class MessageTemplate(models.Model):
    """One version of the text of a template key. The highest version is in force; `$name` is replaced by a variable.

    Append-only (a trigger): an edit is a new version. `author` null: shipped with the product.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    text = models.CharField(max_length=MAX_TEMPLATE_CHARS)
    author = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="live_template_version_once"),
            models.CheckConstraint(condition=~models.Q(text=""), name="live_template_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.key}, version {self.version}"
