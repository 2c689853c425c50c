"""The rounds that beat starts, or `manage.py loyalty_rounds`; none of them does anything with points of our own."""

from loyalty.services import earning, events, nightly, outbox, recovery
from loyalty.services.gates import is_remote


def deliver() -> int:
    """Send what is due (`outbox.deliver_due`); return how many operations were confirmed."""
    return outbox.deliver_due() if is_remote() else 0


def reconcile() -> int:
    """Ask for deducts that are due (`recovery.reconcile`); return how many were closed."""
    return recovery.reconcile() if is_remote() else 0


def earn() -> int:
    """Queue what orders and tips have earned (`earning.pull`); return how many operations were queued."""
    return earning.pull() if is_remote() else 0


def compare() -> int:
    """Compare yesterday with their ledger (`nightly.nightly`); return how many users were compared."""
    done = nightly.nightly() if is_remote() else None
    return done.users if done else 0


def follow_events() -> int:
    """Do what its events call for (`events.follow_events`); return how many were followed."""
    return events.follow_events() if is_remote() else 0
