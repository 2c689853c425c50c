"""Celery's task for the age limit of the outbox. Idempotent."""

from celery import shared_task

from live import services


@shared_task(name="live.prune")
def prune() -> int:
    """Delete events too old for a replay; every ten minutes by beat."""
    return services.prune()
