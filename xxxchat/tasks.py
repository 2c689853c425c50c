"""Celery's tasks for the verifier, erasure and exports. Idempotent: a redelivered run finds the same."""

from celery import shared_task

from core import rounds
from core.dispatch import request_run
from xxxchat import erasure, exporting, verification


@shared_task(name="xxxchat.verify_recent")
def verify_recent() -> int:
    """Check what was written since the last run; every minute by beat."""
    return rounds.run("xxxchat.verify_recent", lambda: len(verification.run(full=False).findings))


@shared_task(name="xxxchat.verify_all")
def verify_all() -> int:
    """Check everything; nightly by beat, and on request of staff."""
    return len(verification.run(full=True).findings)


@shared_task(name="xxxchat.erase_due")
def erase_due() -> int:
    """Take the next step of each erasure that nothing open keeps; every minute by beat."""
    return rounds.run("xxxchat.erase_due", erasure.erase_due)


@shared_task(name=exporting.TASK)
def make_exports() -> int:
    """Delete the files whose time is over and make the next one; requested by its page, and every minute by beat.

    One file a run: while there are more, the next run is requested.
    """
    exporting.end_due()
    made = exporting.make_next()
    if made:
        request_run(exporting.TASK)
    return int(made)
