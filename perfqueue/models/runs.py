"""A command of staff over many items: its row, and one row per item with its result. Neither is deleted."""

from django.db import models
from django.db.models import Q

from core.clock import CoreNow
from core.ids import new_id


class RunAction(models.TextChoices):
    """What a run does to each of its items."""

    REFUND = "refund", "Refund in full"
    RESOLVE = "resolve", "End the review in the performer's favour"
    SPLIT = "split", "Split"


class Run(models.Model):
    """One command over many items. `filters`: what chose them (null: they were named).

    `settle`: tokens that a split pays the performer from each item. `ended_at`: when its last item had its result.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    action = models.CharField(max_length=7, choices=RunAction.choices)
    settle = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=500)
    actor = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    filters = models.JSONField(null=True)
    total = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=CoreNow())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(action__in=RunAction.values), name="perfqueue_run_action_known"),
            models.CheckConstraint(
                condition=Q(action="split", settle__isnull=False, settle__gte=1)
                | (~Q(action="split") & Q(settle__isnull=True)),
                name="perfqueue_run_split_names_a_part",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="perfqueue_run_has_reason"),
            models.CheckConstraint(condition=Q(total__gte=1), name="perfqueue_run_has_items"),
        ]
        indexes = [models.Index(fields=["id"], name="perfqueue_run_open", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.get_action_display()}, {self.total} items"


class RunItem(models.Model):
    """One item of a run and its result. `item_id` is the id as given; there may be no such item.

    `done_at` null: no result yet. `code` empty: done, `settled` and `refunded` tokens moved; else why not.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="items", db_index=False)
    item_id = models.UUIDField()
    code = models.CharField(max_length=40, blank=True)
    settled = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "item_id"], name="perfqueue_run_item_once"),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, code="", settled=0, refunded=0)
                | (Q(done_at__isnull=False, settled=0, refunded=0) & ~Q(code=""))
                | Q(done_at__isnull=False, code="", settled__gte=0, refunded__gte=0),
                name="perfqueue_run_item_has_one_result",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="perfqueue_run_item_waits", condition=Q(done_at__isnull=True)),
            models.Index(fields=["item_id"], name="perfqueue_run_item_of_item"),
        ]
