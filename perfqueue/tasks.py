"""Celery's doors to the sweep and to staff's runs. Idempotent: a doubled one finds nothing to do."""

from celery import shared_task

from perfqueue import services


@shared_task(name="perfqueue.sweep")
def sweep() -> int:
    """One round over all lines; every few seconds by beat."""
    return services.sweep("beat")


@shared_task(name="perfqueue.work_runs")
def work_runs() -> int:
    """Go on with the runs that wait, to their end; staff's doors wake it, the sweep is behind it."""
    total = 0
    while done := services.work_runs():
        total += done
    return total
