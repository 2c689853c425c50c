"""Whom a performer keeps out of her line, and staff's refunds of many items at once."""

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.ids import new_id
from perfqueue.models.line import QueueItem


class Block(models.Model):
    """A buyer whom a performer keeps out of her line, since when."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    performer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["performer", "user"], name="perfqueue_block_once"),
            models.CheckConstraint(condition=~Q(user=F("performer")), name="perfqueue_block_of_another"),
        ]


class RunStatus(models.TextChoices):
    RUNNING = "running"
    DONE = "done"


class RefundRun(models.Model):
    """A refund of many items, worked on row by row by a task or the sweeper, and taken up again wherever it stood."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=500)
    narrowed = models.JSONField(default=dict)
    status = models.CharField(max_length=7, choices=RunStatus.choices, default=RunStatus.RUNNING)
    created_at = models.DateTimeField(db_default=CoreNow())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="perfqueue_run_has_a_reason"),
            models.CheckConstraint(
                condition=Q(status="running", finished_at__isnull=True) | Q(status="done", finished_at__isnull=False),
                name="perfqueue_run_told_whole",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="perfqueue_run_open", condition=Q(status="running"))]


class RefundRow(models.Model):
    """One item of a run. `done_at` null: not yet looked at; `code` null and done: given back, `tokens` of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(RefundRun, on_delete=models.PROTECT, related_name="rows", db_index=False)
    item = models.ForeignKey(QueueItem, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40, null=True)
    tokens = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "item"], name="perfqueue_run_row_once"),
        ]
        indexes = [
            models.Index(fields=["run", "id"], name="perfqueue_run_rows_left", condition=Q(done_at__isnull=True)),
        ]
