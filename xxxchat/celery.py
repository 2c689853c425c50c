"""Celery's application. Every periodic task is idempotent, as two beats or a redelivery run it twice.

A task carries the id of the request that sent it in its headers and logs with it; beat's tasks use their own id.
"""

import os
from typing import Any

import structlog
from celery import Celery
from celery.signals import before_task_publish, task_postrun, task_prerun, worker_init

from core.context import request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")

app = Celery("xxxchat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def watch_breaker(**_: Any) -> None:
    """Keep what happens to the circuit breaker of RedRoomRewards; the pool's processes inherit it."""
    from loyalty.services import watch_breaker as watch  # the applications are ready by now

    watch("worker")


@before_task_publish.connect
def send_request_id(headers: dict[str, Any], **_: Any) -> None:
    """Put the id of the current request into the task's headers."""
    if request_id():
        headers["request_id"] = request_id()


@task_prerun.connect
def take_request_id(task_id: str, task: Any, **_: Any) -> None:
    """Bind the id of the request that sent the task, else the task's own."""
    structlog.contextvars.bind_contextvars(request_id=task.request.get("request_id") or task_id, task=task.name)


@task_postrun.connect
def forget_request_id(**_: Any) -> None:
    """Unbind the id: the thread's next task has another."""
    structlog.contextvars.unbind_contextvars("request_id", "task")
