"""Celery's task for the age limits of rows that belong to no noun. Idempotent: what is gone stays gone."""

from celery import shared_task
from django.core.management import call_command

from core import idempotency


@shared_task(name="core.prune_keys")
def prune_keys() -> int:
    """Forget idempotency keys of requests older than 30 days; daily by beat."""
    return idempotency.prune()


@shared_task(name="core.prune_tokens")
def prune_tokens() -> None:
    """Forget refresh tokens that have expired; daily by beat."""
    call_command("flushexpiredtokens")
