"""Celery's tasks for partitions, figures of play, the watch, archives and the age limit of origins.

Idempotent; each is a round that runs once at a time, and the sweeper runs it when beat does not (`core.rounds`).
"""

from datetime import timedelta

from celery import shared_task

from core import rounds
from slots import services


@shared_task(name="slots.make_partitions")
def make_partitions() -> int:
    """Create the partitions of this month and the next two; daily by beat."""
    return rounds.run("slots.make_partitions", services.make_partitions)


@shared_task(name="slots.count_spins")
def count_spins() -> int:
    """Count the spins stored since the last run; every minute by beat."""
    return rounds.run("slots.count_spins", services.count_spins)


@shared_task(name="slots.prune_origins")
def prune_origins() -> int:
    """Delete origins of spins older than 180 days; hourly by beat."""
    return rounds.run("slots.prune_origins", services.prune_origins)


@shared_task(name="slots.watch")
def watch() -> int:
    """Read the spins that were counted since the last run for drift and markers; every minute by beat."""
    return rounds.run("slots.watch", services.watch)


@shared_task(name="slots.check_figures")
def check_figures() -> int:
    """Compare all figures with the players' running totals; nightly by beat. Returns how many differ."""
    return rounds.run("slots.check_figures", services.check_figures, limit=timedelta(hours=1))


@shared_task(name="slots.watch_archives")
def watch_archives() -> int:
    """Look at every archive and replay one; daily by beat. Returns how many months have defects."""
    return rounds.run("slots.watch_archives", services.watch_archives, limit=timedelta(hours=6))


@shared_task(name="slots.archive_spins")
def archive_spins() -> int:
    """Archive the months that are over; daily by beat. Returns how many.

    A task that runs for long is delivered again: the second one finds the folder locked, and does nothing.
    """
    return rounds.run("slots.archive_spins", lambda: len(services.archive_spins()), limit=timedelta(hours=6))


@shared_task(name="slots.detach_months")
def detach_months() -> int:
    """Detach the months of spins that are too old and archived without defects; daily by beat. Returns how many."""
    return rounds.run("slots.detach_months", lambda: len(services.detach_months()), limit=timedelta(hours=6))
