"""Celery's rounds of RedRoomRewards. Idempotent; without that back end they do nothing."""

from celery import shared_task

from loyalty.services import rounds


@shared_task(name="loyalty.deliver")
def deliver() -> int:
    """Send what is due; every second by beat."""
    return rounds.deliver()


@shared_task(name="loyalty.reconcile")
def reconcile() -> int:
    """Ask for deducts that nobody has closed; every ten seconds by beat, and when the circuit breaker closes."""
    return rounds.reconcile()


@shared_task(name="loyalty.earn")
def earn() -> int:
    """Queue what orders and tips have earned; every ten seconds by beat."""
    return rounds.earn()


@shared_task(name="loyalty.compare")
def compare() -> int:
    """Compare yesterday with their ledger; hourly by beat, which goes on with a run that was interrupted."""
    return rounds.compare()


@shared_task(name="loyalty.follow_events")
def follow_events() -> int:
    """Do what RedRoomRewards' events call for; every two seconds by beat."""
    return rounds.follow_events()
