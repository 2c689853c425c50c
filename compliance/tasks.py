"""Celery's task that asks the age provider. Idempotent."""

from celery import shared_task

from compliance.services.asking import ask_provider_of_new_cases
from core import rounds


@shared_task(name="compliance.ask_age_provider")
def ask_age_provider() -> int:
    """Ask for each age that nobody was asked for yet; every 15 seconds by beat."""
    return rounds.run("compliance.ask_age_provider", ask_provider_of_new_cases)
