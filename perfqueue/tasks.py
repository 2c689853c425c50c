"""Celery's tasks: the sweep, and work on staff's runs. Idempotent."""

from celery import shared_task

from core.dispatch import request_run
from perfqueue import services


@shared_task(name="perfqueue.sweep")
def sweep() -> int:
    """One round over all queues; every few seconds by beat."""
    return services.sweep("beat")


@shared_task(name=services.WORK_TASK)
def work_runs() -> int:
    """One round of work on open runs, then another task while there is work; requested by staff's endpoints."""
    done = services.work_runs()
    if done:
        request_run(services.WORK_TASK)
    return done
