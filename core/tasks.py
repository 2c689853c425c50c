"""Celery's tasks for the age limits of keys and tokens. Idempotent."""

from celery import shared_task
from django.core.management import call_command

from core import idempotency


@shared_task(name="core.prune_keys")
def prune_keys() -> int:
    """Delete idempotency keys older than 30 days; daily by beat."""
    return idempotency.prune()


@shared_task(name="core.prune_tokens")
def prune_tokens() -> None:
    """Delete expired refresh tokens; daily by beat."""
    call_command("flushexpiredtokens")
