"""Celery's tasks for the verifier. Idempotent: a redelivered run finds the same."""

from celery import shared_task

from xxxchat import verification


@shared_task(name="xxxchat.verify_recent")
def verify_recent() -> int:
    """Check what was written since the last run; every minute by beat."""
    return len(verification.run(full=False).findings)


@shared_task(name="xxxchat.verify_all")
def verify_all() -> int:
    """Check everything; nightly by beat, and on request of staff."""
    return len(verification.run(full=True).findings)
