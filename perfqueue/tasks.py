"""Celery's door to the sweep. Idempotent: a redelivered or doubled run finds nothing left to do."""

from celery import shared_task

from perfqueue import services


@shared_task(name="perfqueue.sweep")
def sweep() -> int:
    """One round over all lines; every few seconds by beat."""
    return services.sweep("beat")
