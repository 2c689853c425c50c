"""The rounds that run also while beat, a worker or the broker is away: the sweeper begins those that are late.

In the order in which they begin if several are. What only clears away (keys, tokens, codes, events) waits for beat.
"""

from datetime import timedelta

import compliance.tasks
import escrow.tasks
import slots.tasks
import xxxchat.tasks
from core.rounds import Round

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ROUNDS = tuple(
    Round(task.name, every, task.run)
    for task, every in (
        (slots.tasks.make_partitions, DAY),
        (slots.tasks.count_spins, MINUTE),
        (slots.tasks.watch, MINUTE),
        (xxxchat.tasks.verify_recent, MINUTE),
        (xxxchat.tasks.erase_due, MINUTE),
        (escrow.tasks.snapshot_houses, HOUR),
        (slots.tasks.prune_origins, HOUR),
        (compliance.tasks.ask_age_provider, MINUTE),
        (slots.tasks.archive_spins, DAY),
    )
)
"""Periods are those of beat (`CELERY_BEAT_SCHEDULE`), a minute at least."""
