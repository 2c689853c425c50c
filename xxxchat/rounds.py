"""The rounds that run also while beat, a worker or the broker is away: the sweeper begins those that are late.

In the order in which they begin if several are. What only clears away (keys, tokens, codes, events) waits for beat.
"""

from datetime import timedelta
from functools import partial

from core.rounds import Round
from xxxchat.celery import app

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVERY = {
    "slots.make_partitions": DAY,
    "slots.count_spins": MINUTE,
    "slots.watch": MINUTE,
    "xxxchat.verify_recent": MINUTE,
    "xxxchat.erase_due": MINUTE,
    "escrow.snapshot_houses": HOUR,
    "slots.prune_origins": HOUR,
    "compliance.ask_age_provider": MINUTE,
    "slots.check_figures": DAY,
    "slots.archive_spins": DAY,
    "slots.watch_archives": DAY,
    "slots.detach_months": DAY,
}
"""Celery's tasks and their periods: those of beat (`xxxchat/timetable.py`), a minute at least."""


def _begin(name: str) -> object:
    """Call the task's function in this process: it claims its round. No broker is asked."""
    app.loader.import_default_modules()
    return app.tasks[name].run()


ROUNDS = tuple(Round(name, every, partial(_begin, name)) for name, every in EVERY.items())
