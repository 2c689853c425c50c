"""Celery's task for the partitions. Idempotent: what exists stays."""

from celery import shared_task

from slots import services


@shared_task(name="slots.make_partitions")
def make_partitions() -> int:
    """Have this month's and the next two months' partitions ready; daily by beat."""
    return services.make_partitions()
