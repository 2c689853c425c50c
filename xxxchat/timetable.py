"""What Celery's beat begins, and when. The tasks that must run without beat too are in `xxxchat/rounds.py`."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

Entry = dict[str, Any]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _every(period: timedelta | float | crontab, task: str, *, expires: float | None = None) -> Entry:
    """Begin `task` every `period`; a message that no worker took within `expires` seconds is dropped."""
    entry = {"task": task, "schedule": period}
    return entry if expires is None else {**entry, "options": {"expires": expires}}


REGULAR = {
    "make-spin-partitions": _every(DAY, "slots.make_partitions"),
    "prune-spin-origins": _every(HOUR, "slots.prune_origins", expires=3_600),
    "count-spins": _every(MINUTE, "slots.count_spins", expires=60),
    "watch-spins": _every(MINUTE, "slots.watch", expires=60),
    "verify-recent": _every(MINUTE, "xxxchat.verify_recent", expires=60),
    "erase-due": _every(MINUTE, "xxxchat.erase_due", expires=60),
    "make-exports": _every(MINUTE, "xxxchat.make_exports", expires=60),
    "ask-age-provider": _every(timedelta(seconds=15), "compliance.ask_age_provider", expires=15),
    "snapshot-houses": _every(HOUR, "escrow.snapshot_houses"),
    "prune-events": _every(timedelta(minutes=10), "live.prune", expires=600),
}
NIGHTLY = {
    "prune-keys": (10, "core.prune_keys"),
    "prune-codes": (15, "accounts.prune_codes"),
    "prune-tokens": (20, "core.prune_tokens"),
    "verify-all": (30, "xxxchat.verify_all"),
    "check-figures": (40, "slots.check_figures"),
    "archive-spins": (50, "slots.archive_spins"),
    "watch-archives": (55, "slots.watch_archives"),
    "detach-months": (57, "slots.detach_months"),
}
"""The minute of the hour `VERIFY_AT_HOUR`."""
REWARDS = {
    "loyalty-deliver": _every(timedelta(seconds=1), "loyalty.deliver", expires=5),
    "loyalty-reconcile": _every(timedelta(seconds=10), "loyalty.reconcile", expires=10),
    "loyalty-follow-events": _every(timedelta(seconds=2), "loyalty.follow_events", expires=10),
    "loyalty-earn": _every(timedelta(seconds=10), "loyalty.earn", expires=10),
    "loyalty-compare": _every(crontab(minute=40), "loyalty.compare", expires=3_600),
}


def beat(*, sweep_every_s: float, night_hour: int, rewards: bool) -> dict[str, Entry]:
    """Return `CELERY_BEAT_SCHEDULE`; with `rewards`, also what RedRoomRewards needs."""
    sweep = {"sweep-queues": _every(sweep_every_s, "perfqueue.sweep", expires=max(2 * sweep_every_s, 5))}
    nightly = {name: _every(crontab(hour=night_hour, minute=minute), task) for name, (minute, task) in NIGHTLY.items()}
    return sweep | REGULAR | nightly | (REWARDS if rewards else {})
