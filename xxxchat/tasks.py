"""Celery's tasks for the verifier and for erasure. Idempotent: a redelivered run finds the same."""

from celery import shared_task

from xxxchat import erasure, verification


@shared_task(name="xxxchat.verify_recent")
def verify_recent() -> int:
    """Check what was written since the last run; every minute by beat."""
    return len(verification.run(full=False).findings)


@shared_task(name="xxxchat.verify_all")
def verify_all() -> int:
    """Check everything; nightly by beat, and on request of staff."""
    return len(verification.run(full=True).findings)


@shared_task(name="xxxchat.erase_due")
def erase_due() -> int:
    """Take the next step of each erasure that nothing open keeps; every minute by beat."""
    return erasure.erase_due()
