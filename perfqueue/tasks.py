"""Celery's tasks for the sweep and to staff's runs. Idempotent: a doubled one finds nothing to do."""

from celery import shared_task

from core.dispatch import request_run
from perfqueue import services


@shared_task(name="perfqueue.sweep")
def sweep() -> int:
    """One round over all lines; every few seconds by beat."""
    return services.sweep("beat")


@shared_task(name=services.WORK)
def work_runs() -> int:
    """Go on with the runs that wait: one round, then another task; staff's endpoints request it."""
    done = services.work_runs()
    if done:
        request_run(services.WORK)
    return done
