"""Celery's task for the snapshots of house accounts. Idempotent: what is in a snapshot is not summed again."""

from celery import shared_task

from escrow.services import houses


@shared_task(name="escrow.snapshot_houses")
def snapshot_houses() -> int:
    """Sum what has settled in each house account since its last snapshot; hourly by beat."""
    return houses.snapshot_houses()
