"""Many lines at a glance, for a page that lists performers."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from perfqueue.models import PerformerQueue, QueueItem, State


def lengths(performer_ids: Collection[UUID]) -> dict[UUID, tuple[PerformerQueue, int]]:
    """Return each performer's line with the number of items that wait in it (one statement)."""
    waiting = (
        QueueItem.objects.filter(performer_id=OuterRef("performer_id"), state=State.CREATED)
        .order_by()
        .values("performer_id")
        .annotate(count=Count("id"))
        .values("count")
    )
    found = PerformerQueue.objects.filter(performer_id__in=performer_ids)
    return {queue.pk: (queue, queue.waits) for queue in found.annotate(waits=Coalesce(Subquery(waiting), 0))}
