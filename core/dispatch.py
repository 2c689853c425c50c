"""Requests to the workers, made by endpoints. Tasks work on stored rows: a lost request is made up for by a sweep."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError as BrokerUnreachable

log = structlog.get_logger()


def request_run(task: str) -> bool:
    """Request one run of a task by its name, after the commit; False if the broker was not reached."""
    try:
        current_app.send_task(task, retry=False)
    except BrokerUnreachable as error:
        log.warning("worker_not_woken", task=task, error=type(error.__cause__ or error).__name__)
        return False
    return True
