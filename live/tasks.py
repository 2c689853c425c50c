"""Celery's task for the outbox's age limit. Idempotent: what is gone stays gone."""

from celery import shared_task

from live import services


@shared_task(name="live.prune")
def prune() -> int:
    """Delete events that nobody can come back to; every ten minutes by beat."""
    return services.prune()
