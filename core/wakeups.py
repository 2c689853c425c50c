"""A word to the workers, for endpoints only. What it asks for is a row already: if it is lost, a sweep does it."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError as BrokerUnreachable

log = structlog.get_logger()


def wake(task: str) -> bool:
    """Ask a worker for one run of a task by its name; False if the broker was not reached. After the commit."""
    try:
        current_app.send_task(task, retry=False)
    except BrokerUnreachable as error:
        log.warning("worker_not_woken", task=task, error=type(error.__cause__ or error).__name__)
        return False
    return True
