"""Celery's task for the snapshots of house accounts. Idempotent."""

from celery import shared_task

from escrow.services import houses


@shared_task(name="escrow.snapshot_houses")
def snapshot_houses() -> int:
    """Write the snapshots of house accounts and return how many; hourly by beat."""
    return houses.snapshot_houses()
