"""Time-outs and self-exclusions: they begin at once, and nobody can shorten them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import TextChoices

from accounts.models import User
from compliance.calendar import months_after
from compliance.models import Break
from compliance.models.breaks import BreakKind
from compliance.services.signing_up import email_hash
from core.clock import db_now
from core.db import joined, rows
from core.ids import new_id
from escrow.services import Currency, lock_wallets_of

_INHERIT = """
INSERT INTO compliance_inheritedexclusion AS x (id, email_hash, until)
VALUES (%(id)s, %(hash)s, %(until)s)
ON CONFLICT (email_hash) DO UPDATE SET until = excluded.until
 WHERE coalesce(excluded.until, 'infinity') > coalesce(x.until, 'infinity')
RETURNING x.id
"""


class TimeOutSpan(TextChoices):
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    SIX_WEEKS = "42d"


class ExclusionSpan(TextChoices):
    SIX_MONTHS = "6m"
    TWELVE_MONTHS = "12m"
    FIVE_YEARS = "5y"
    FOR_GOOD = "forGood"


_TIME_OUTS: dict[str, timedelta] = {
    TimeOutSpan.DAY: timedelta(hours=24),
    TimeOutSpan.WEEK: timedelta(days=7),
    TimeOutSpan.MONTH: timedelta(days=30),
    TimeOutSpan.SIX_WEEKS: timedelta(days=42),
}
_EXCLUSIONS: dict[str, int | None] = {
    ExclusionSpan.SIX_MONTHS: 6,
    ExclusionSpan.TWELVE_MONTHS: 12,
    ExclusionSpan.FIVE_YEARS: 60,
    ExclusionSpan.FOR_GOOD: None,
}
"""Calendar months; None: for good."""


@dataclass(frozen=True, slots=True)
class BreakView:
    """A break in force; `until` None: for good."""

    until: datetime | None


def take_time_out(*, user: User, duration: str) -> BreakView:
    """Bar the user from games for some hours; see `_begin`."""
    return _begin(user, BreakKind.TIME_OUT, duration)


def exclude_self(*, user: User, duration: str) -> BreakView:
    """Bar the user from games for months or for good, and whoever signs up with the same e-mail; see `_begin`."""
    return _begin(user, BreakKind.EXCLUSION, duration)


def break_end(now: datetime, duration: str) -> datetime | None:
    """Return when a break of this length that begins now would end; None: never."""
    if duration in _TIME_OUTS:
        return now + _TIME_OUTS[duration]
    months = _EXCLUSIONS[duration]
    return None if months is None else months_after(now, months)


def breaks_of(user_id: UUID, now: datetime) -> tuple[BreakView | None, BreakView | None]:
    """Return the time-out and the exclusion in force, None where there is none (one statement)."""
    found = Break.objects.filter(user=user_id).values_list("kind", "until")
    running: dict[str, list[datetime | None]] = {kind: [] for kind in BreakKind.values}
    for kind, until in found:
        if until is None or until > now:
            running[kind].append(until)
    return _latest(running[BreakKind.TIME_OUT]), _latest(running[BreakKind.EXCLUSION])


def _begin(user: User, kind: str, duration: str) -> BreakView:
    """Begin a break unless one of its kind runs as long; return the one in force.

    Locks both wallets, so that a spin comes before or after. Nothing is written if it would not last longer.
    """
    with joined():
        lock_wallets_of(user.id, list(Currency))
        now = db_now()
        until = break_end(now, duration)
        running = breaks_of(user.id, now)[kind == BreakKind.EXCLUSION]
        if running is not None and not is_later(until, running.until):
            return running
        Break.objects.create(user=user, kind=kind, duration=duration, from_at=now, until=until, actor=user.id)
        if kind == BreakKind.EXCLUSION and user.email:
            rows(_INHERIT, {"id": new_id(), "hash": email_hash(user.email), "until": until})
        return BreakView(until)


def keep_exclusion(user: User) -> None:
    """Keep a running exclusion for the keyed hash of the user's address; a longer one of that address stays."""
    with joined():
        running = breaks_of(user.id, db_now())[1]
        if running is not None and user.email:
            rows(_INHERIT, {"id": new_id(), "hash": email_hash(user.email), "until": running.until})


def is_later(until: datetime | None, than: datetime | None) -> bool:
    """Return whether one end is later than another; None: never ends."""
    return than is not None and (until is None or until > than)


def _latest(ends: list[datetime | None]) -> BreakView | None:
    if not ends:
        return None
    return BreakView(None if None in ends else max(filter(None, ends)))
