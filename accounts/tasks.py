"""Celery's task for the age limit of used codes and counted attempts. Idempotent."""

from celery import shared_task

from accounts import services


@shared_task(name="accounts.prune_codes")
def prune_codes() -> int:
    """Delete used codes and attempts a day old; daily by beat."""
    return services.prune_codes()
