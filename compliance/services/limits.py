"""A user's spending limits: what they are, setting one, and confirming a looser one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.models import User
from compliance.errors import LimitPending, LimitTooHigh
from compliance.models import Limit, LimitChange
from compliance.models.spending import CONFIRMED_WITHIN, LOOSENED_AFTER, LimitStep, Window
from compliance.services.breaks import BreakView, breaks_of
from compliance.services.markers import mark_raised
from compliance.services.reading import Play, play_of
from core.clock import db_now
from core.db import array, joined, rows
from core.errors import NotFound
from core.fields import MAX_AMOUNT
from core.ids import first_id_at
from escrow.services import Currency, lock_wallets_of

_CURRENCIES = [Currency.POINT.value, Currency.TOKEN.value]
PRESETS = {Window.DAY.value: 2_500, Window.WEEK.value: 10_000, Window.MONTH.value: 30_000}
"""Points that the page offers; nobody has them until they are set."""
REALITY_EVERY_MINUTES = 30
MAX_LIMIT = MAX_AMOUNT
_SPENT = """
SELECT c.currency, s.spent
  FROM unnest(%(currencies)s::text[]) AS c (currency)
 CROSS JOIN LATERAL escrow_spent(
     p_user => ARRAY[%(user_id)s::uuid], p_currency => c.currency,
     p_since => ARRAY[core_now() - interval '24 hours', core_now() - interval '7 days', core_now() - interval '30 days']
 ) AS s
"""


_BACK = """
SELECT c.currency, w.name AS "window", f.at + w.span AS at, s.amount
  FROM unnest(%(currencies)s::text[]) AS c (currency)
 CROSS JOIN unnest(%(windows)s::text[], %(spans)s::interval[], %(floors)s::uuid[]) AS w (name, span, floor)
 CROSS JOIN LATERAL (
    SELECT x.id, x.created_at AS at FROM escrow_hold x
     WHERE x.payer_id = %(user_id)s AND x.currency = c.currency AND x.amount > x.released
       AND x.created_at > core_now() - w.span AND x.id >= w.floor
     ORDER BY x.id LIMIT 1) AS f
 CROSS JOIN LATERAL (
    SELECT sum(y.spent) AS amount FROM (
        SELECT x.created_at, x.amount - x.released AS spent FROM escrow_hold x
         WHERE x.payer_id = %(user_id)s AND x.currency = c.currency AND x.id >= f.id ORDER BY x.id LIMIT %(most)s) AS y
     WHERE y.created_at < f.at + interval '1 minute') AS s
"""


_SPANS = {Window.DAY: timedelta(hours=24), Window.WEEK: timedelta(days=7), Window.MONTH: timedelta(days=30)}
_MARGIN = timedelta(hours=1)
"""Ids are of web servers' real clocks: so much earlier than its time may a hold's id be."""
_MOST_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class ComesBack:
    """What leaves a window next: an amount, within a minute from `at` on."""

    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class PendingLimit:
    """A looser limit that waits; `limit` None: no limit. It may be confirmed from `effective_at` until `confirm_by`."""

    limit: int | None
    effective_at: datetime
    confirm_by: datetime


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One window of one currency. `left`: what the lower of both limits leaves, None without any.

    `since`: when one's own limit began to hold.
    """

    currency: str
    window: str
    limit: int | None
    operator_cap: int | None
    used: int
    left: int | None
    pending: PendingLimit | None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class LimitsView:
    """All of a user's windows, their breaks, and when a reality check is due."""

    limits: list[LimitRow]
    time_out: BreakView | None
    self_exclusion: BreakView | None
    reality_due_at: datetime | None


def operator_cap(currency: str, window: str) -> int | None:
    """Return the operator's limit; None without one. Tokens have none."""
    caps = dict(zip(Window.values, settings.LIMIT_CAPS_POINT, strict=True))
    return caps[window] or None if currency == Currency.POINT else None


def limits_of(*, user: User) -> LimitsView:
    """Return a user's limits, what is used of them, breaks and the next reality check (five statements)."""
    play, now = play_of(user.id), db_now()
    time_out, exclusion = breaks_of(user.id, now)
    return LimitsView(
        limits=_windows(user.id, _CURRENCIES, play, now),
        time_out=time_out,
        self_exclusion=exclusion,
        reality_due_at=play.due_at,
    )


def next_back(user_id: UUID) -> dict[tuple[str, str], ComesBack]:
    """Return what leaves each window next, by currency and window; none for an empty window (one statement).

    It reads the oldest holds in each window, a minute of them and `_MOST_A_MINUTE` at most.
    """
    now = datetime.now(UTC)
    params = {
        "user_id": user_id,
        "currencies": _CURRENCIES,
        "windows": [window.value for window in _SPANS],
        "spans": [*_SPANS.values()],
        "floors": array([first_id_at(now - span - _MARGIN) for span in _SPANS.values()]),
        "most": _MOST_A_MINUTE,
    }
    found = rows(_BACK, params)
    return {(row["currency"], row["window"]): ComesBack(int(row["amount"]), row["at"]) for row in found}


def windows_of(user_id: UUID, currencies: Sequence[str]) -> list[LimitRow]:
    """Return a user's windows of these currencies (four statements)."""
    return _windows(user_id, [str(each) for each in currencies], play_of(user_id), db_now())


def _windows(user_id: UUID, currencies: Sequence[str], play: Play, now: datetime) -> list[LimitRow]:
    found = rows(_SPENT, {"currencies": list(currencies), "user_id": user_id})
    spent: dict[str, list[int]] = {row["currency"]: row["spent"] for row in found}
    if Currency.POINT in spent:
        spent[Currency.POINT] = [sum(each) for each in zip(spent[Currency.POINT], play.staked, strict=True)]
    known = {(limit.currency, limit.window): limit for limit in Limit.objects.filter(user=user_id)}
    return [
        _row(currency, window, known.get((currency, window)), used, now)
        for currency in currencies
        for window, used in zip(Window.values, spent[currency], strict=True)
    ]


def _row(currency: str, window: str, limit: Limit | None, used: int, now: datetime) -> LimitRow:
    amount, cap = limit.amount if limit else None, operator_cap(currency, window)
    lowest = min((each for each in (amount, cap) if each is not None), default=None)
    return LimitRow(
        currency=currency,
        window=window,
        limit=amount,
        operator_cap=cap,
        used=used,
        left=None if lowest is None else max(lowest - used, 0),
        pending=_pending(limit, now),
        since=limit.since if limit and limit.amount is not None else None,
    )


def _pending(limit: Limit | None, now: datetime) -> PendingLimit | None:
    """Return the looser limit that still waits; one that nobody confirmed in time has lapsed."""
    if limit is None or limit.effective_at is None or limit.confirm_by is None or limit.confirm_by <= now:
        return None
    return PendingLimit(limit.pending_amount, limit.effective_at, limit.confirm_by)


def set_limit(*, user: User, currency: str, window: str, amount: int | None) -> None:
    """Set a limit; `amount` None: none. A first or lower one holds at once, a looser one waits to be confirmed.

    The present amount drops a looser one that waits; what waits already goes on waiting. Locks the wallet, so that
    whoever spends comes before or after. Writes a `LimitChange` for each step.

    Raises:
        LimitTooHigh: above the operator's limit; nothing was written.
    """
    _assert_below_cap(currency, window, amount)
    with joined():
        limit, now = _locked(user, currency, window)
        waiting = _pending(limit, now)
        if _is_tighter(limit.amount, amount):
            old, limit.amount, limit.since = limit.amount, amount, now
            _drop(limit, user, waiting)
            _record(limit, user, LimitStep.SET, old, amount)
        elif amount == limit.amount:
            _drop(limit, user, waiting)
        elif waiting is None or waiting.limit != amount:
            _drop(limit, user, waiting)
            limit.is_pending, limit.pending_amount = True, amount
            limit.asked_at, limit.effective_at = now, now + LOOSENED_AFTER
            limit.confirm_by = limit.effective_at + CONFIRMED_WITHIN
            _record(limit, user, LimitStep.ASKED, limit.amount, amount)
        limit.save()


def confirm_limit(*, user: User, currency: str, window: str) -> None:
    """Let a looser limit that has waited 24 hours hold. Locks as `set_limit`. The second in 7 days leaves a marker.

    Raises:
        NotFound: nothing waits; LimitPending: too early; LimitTooHigh: the operator's limit is lower by now. Nothing
        was written.
    """
    with joined():
        limit, now = _locked(user, currency, window)
        waiting = _pending(limit, now)
        if waiting is None:
            raise NotFound
        if now < waiting.effective_at:
            raise LimitPending(effectiveAt=waiting.effective_at)
        _assert_below_cap(currency, window, waiting.limit)
        old, limit.amount, limit.since = limit.amount, waiting.limit, now
        _clear(limit)
        _record(limit, user, LimitStep.CONFIRMED, old, waiting.limit)
        limit.save()
        mark_raised(user.id)


def _locked(user: User, currency: str, window: str) -> tuple[Limit, datetime]:
    """Lock the wallet, then return the limit, a new one without any, and the time."""
    lock_wallets_of(user.id, [Currency(currency)])
    found = Limit.objects.filter(user=user, currency=currency, window=window).first()
    return found or Limit(user=user, currency=currency, window=window), db_now()


def _assert_below_cap(currency: str, window: str, amount: int | None) -> None:
    cap = operator_cap(currency, window)
    if amount is not None and cap is not None and amount > cap:
        raise LimitTooHigh(operatorCap=cap)


def _is_tighter(present: int | None, amount: int | None) -> bool:
    return amount is not None and (present is None or amount < present)


def _drop(limit: Limit, user: User, waiting: PendingLimit | None) -> None:
    """Empty what waits, and record that it was dropped, or had lapsed."""
    if limit.is_pending:
        _record(limit, user, LimitStep.DROPPED if waiting else LimitStep.LAPSED, limit.amount, limit.pending_amount)
    _clear(limit)


def _clear(limit: Limit) -> None:
    limit.is_pending, limit.pending_amount = False, None
    limit.asked_at = limit.effective_at = limit.confirm_by = None


def _record(limit: Limit, user: User, step: LimitStep, old: int | None, new: int | None) -> None:
    LimitChange.objects.create(
        user=user, currency=limit.currency, window=limit.window, kind=step, old=old, new=new, actor=user.id
    )
