"""Celery's task for the snapshots of house accounts. Idempotent."""

from celery import shared_task

from core import rounds
from escrow.services import houses


@shared_task(name="escrow.snapshot_houses")
def snapshot_houses() -> int:
    """Write the snapshots of house accounts and return how many; hourly by beat."""
    return rounds.run("escrow.snapshot_houses", houses.snapshot_houses)
