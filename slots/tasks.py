"""Celery's task for the partitions. Idempotent."""

from celery import shared_task

from slots import services


@shared_task(name="slots.make_partitions")
def make_partitions() -> int:
    """Create the partitions of this month and the next two; daily by beat."""
    return services.make_partitions()
