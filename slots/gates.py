"""The second phase of a spin: from a request and its context to a decision or a refusal.

Pure: no statement, no clock, no randomness. The order of the gates is part of the API (PRODUCT.md §4).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from accounts.models import Role
from compliance import services as compliance
from compliance.errors import RealityCheckDue, SpendLimitReached
from compliance.services import Standing
from core.errors import NotFound
from slots.draw import Draw, Table, draw
from slots.errors import CommitmentStale, HourlyLimitReached, InvalidBet, PaytableChanged, SpinTooFast

HOUR = timedelta(hours=1)
SESSION_IDLE = timedelta(minutes=30)
REALITY_EVERY = timedelta(minutes=30)
WINDOWS = ("24h", "7d", "30d")


@dataclass(slots=True, kw_only=True)
class DrawRequest:
    """What a spin is drawn with: a player's input, and the randomness drawn for the spin."""

    spin_id: UUID
    bet: int
    client_nonce: bytes
    client_nonce_drawn: bool
    client_seed: str | None
    performer_id: UUID | None
    next_seed: bytes


@dataclass(slots=True, kw_only=True)
class SpinRequest(DrawRequest):
    """The same with what the gates check: the player's standing, and what the player was shown."""

    standing: Standing
    commitment: bytes | None
    paytable_digest: bytes | None


class Spending(NamedTuple):
    """What a player spent in one window, in points, and their own limit of it, None for none.

    ``nonce``, ``at``, ``staked``: the first spin of the window, its time, and what was staked before it; without one,
    the next nonce, None and the total. ``other``: spent by other features. ``frees_at``: when the stake asked for fits,
    None if it does or never will.
    """

    nonce: int
    at: datetime | None
    staked: int
    limit: int | None
    other: int
    frees_at: datetime | None


@dataclass(slots=True, kw_only=True)
class SpinContext:
    """The player's locked slot state and the game's state at ``now``. ``table`` is None when none is active."""

    now: datetime
    enabled: bool
    performer_known: bool
    paytable_id: UUID | None
    table: Table | None
    nonce: int
    commitment: bytes
    seed: bytes
    client_seed: str
    chain: bytes
    staked_total: int
    paid_total: int
    last_spin_at: datetime | None
    session_started_at: datetime | None
    session_net: int
    reality_at: datetime | None
    session_nonce: int | None
    session_staked: int
    used: int
    oldest_used_at: datetime | None
    spending: tuple[Spending, Spending, Spending]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The minimal interval and the hourly limit of one user; zero switches a limit off.

    ``caps``: the operator's spending limits of 24 hours, 7 and 30 days, in points; None for none.
    """

    min_interval: timedelta
    spins_per_hour: int
    caps: tuple[int | None, ...]


@dataclass(slots=True, kw_only=True)
class Session:
    """Spins with less than 30 idle minutes between them, including the one just decided.

    ``nonce``: the first of them, None if it is not known; ``staked_points``: the points staked in them.
    """

    started_at: datetime
    net_points: int
    reality_at: datetime
    nonce: int | None
    staked_points: int


@dataclass(slots=True, kw_only=True)
class Decision:
    """A drawn spin; only the balance can still refuse it.

    ``limits_left``: points of the lower of both limits of 24 hours, 7 and 30 days, None without any.
    ``window``: nonce and time of the first spin of the hour, which may be this one; None when the limit is off.
    """

    request: DrawRequest
    context: SpinContext
    table: Table
    paytable_id: UUID
    client_seed: str
    drawn: Draw
    session: Session
    spins_left: int | None
    limits_left: tuple[int | None, ...]
    window: tuple[int, datetime] | None


def decide(request: SpinRequest, context: SpinContext, limits: Limits) -> Decision:
    """Check a spin at every gate except the balance, and draw it. Raises what ``check`` does."""
    check(request, context, limits)
    return drawn_of(request, context, limits)


def check(request: SpinRequest, context: SpinContext, limits: Limits) -> None:
    """Check a spin at every gate except the balance.

    Raises:
        the refusal of the first gate that refuses; NotFound: there is no such performer.
    """
    if request.standing.caller.role == Role.USER and not context.performer_known:
        raise NotFound
    playable = context.table is not None and context.paytable_id is not None
    compliance.check(request.standing, feature="slots", enabled=context.enabled and playable)
    if context.table is None or context.paytable_id is None:
        raise AssertionError("a game without an active paytable is not enabled")
    _check_offer(request, context, context.table)
    _check_reality(context)
    _check_pace(context, limits)
    _check_spending(request.bet, context, limits)


def drawn_of(request: DrawRequest, context: SpinContext, limits: Limits) -> Decision:
    """Draw a spin that has passed the gates, by the paytable of its context."""
    if context.table is None or context.paytable_id is None:
        raise AssertionError("a spin is drawn by a paytable")
    client_seed = context.client_seed if request.client_seed is None else request.client_seed
    drawn = draw(
        context.table,
        seed=context.seed,
        nonce=context.nonce,
        client_seed=client_seed,
        client_nonce=request.client_nonce,
    )
    return Decision(
        request=request,
        context=context,
        table=context.table,
        paytable_id=context.paytable_id,
        client_seed=client_seed,
        drawn=drawn,
        session=_session_with(context, bet=request.bet, payout=drawn.payout),
        spins_left=limits.spins_per_hour - context.used - 1 if limits.spins_per_hour else None,
        limits_left=_limits_left(request.bet, context, limits),
        window=_window_with(context) if limits.spins_per_hour else None,
    )


def _check_offer(request: SpinRequest, context: SpinContext, table: Table) -> None:
    """Check the player's view of the game: paytable, commitment, bet."""
    if request.paytable_digest not in (None, table.digest):
        raise PaytableChanged(paytableDigest=table.digest.hex())
    if request.commitment not in (None, context.commitment):
        raise CommitmentStale(commitment=context.commitment.hex(), nonce=context.nonce)
    if request.bet != table.unit:
        raise InvalidBet(allowed=[table.unit])


def _check_reality(context: SpinContext) -> None:
    """Check that the player saw time and result within the last 30 minutes of a running session."""
    started = context.session_started_at
    if started is None or not in_session(context.last_spin_at, context.now):
        return
    if context.now - (context.reality_at or started) >= REALITY_EVERY:
        raise RealityCheckDue(
            elapsedSeconds=int((context.now - started).total_seconds()), netPoints=context.session_net
        )


def _check_spending(bet: int, context: SpinContext, limits: Limits) -> None:
    """Check the player's and the operator's limit of each window, the shortest first; of both the lower one refuses."""
    for window, cap, spent in zip(WINDOWS, limits.caps, context.spending, strict=True):
        used = context.staked_total - spent.staked + spent.other
        scope, limit = _lower(spent.limit, cap)
        if limit is not None and used + bet > limit:
            raise SpendLimitReached(
                currency="POINT", window=window, scope=scope, limit=limit, used=used, freesAt=spent.frees_at
            )


def _limits_left(bet: int, context: SpinContext, limits: Limits) -> tuple[int | None, ...]:
    """Return what is left of each window once this spin is made."""
    left: list[int | None] = []
    for cap, spent in zip(limits.caps, context.spending, strict=True):
        _, limit = _lower(spent.limit, cap)
        left.append(None if limit is None else limit - (context.staked_total - spent.staked + spent.other) - bet)
    return tuple(left)


def _lower(own: int | None, cap: int | None) -> tuple[str, int | None]:
    """Return the lower of a player's and the operator's limit, and whose it is; the player's where they are equal."""
    if own is not None and (cap is None or own <= cap):
        return "user", own
    return "operator", cap


def _check_pace(context: SpinContext, limits: Limits) -> None:
    """Check the interval, then the rolling hour. A last spin in the future, of a clock that ran back, is long past."""
    if context.last_spin_at is not None and context.last_spin_at <= context.now and limits.min_interval:
        wait = context.last_spin_at + limits.min_interval - context.now
        if wait > timedelta(0):
            raise SpinTooFast(
                retry_after_s=wait.total_seconds(), minIntervalMs=limits.min_interval // timedelta(milliseconds=1)
            )
    if limits.spins_per_hour and context.used >= limits.spins_per_hour and context.oldest_used_at is not None:
        free_at = context.oldest_used_at + HOUR
        raise HourlyLimitReached(
            retry_after_s=(free_at - context.now).total_seconds(),
            limit=limits.spins_per_hour,
            used=context.used,
            resetsAt=free_at,
        )


def in_session(last_spin_at: datetime | None, now: datetime) -> bool:
    """Return whether a session runs: not after 30 idle minutes, nor where the clock ran back behind the last spin."""
    return last_spin_at is not None and timedelta(0) <= now - last_spin_at < SESSION_IDLE


def _session_with(context: SpinContext, *, bet: int, payout: int) -> Session:
    """Add a spin to the current session, or start one."""
    started, net_points = context.session_started_at, payout - bet
    if started is None or not in_session(context.last_spin_at, context.now):
        return Session(
            started_at=context.now,
            net_points=net_points,
            reality_at=context.now,
            nonce=context.nonce,
            staked_points=bet,
        )
    return Session(
        started_at=started,
        net_points=context.session_net + net_points,
        reality_at=context.reality_at or started,
        nonce=context.session_nonce,
        staked_points=context.session_staked + bet,
    )


def _window_with(context: SpinContext) -> tuple[int, datetime]:
    """Return nonce and time of the first spin of the hour, once this one is made."""
    return context.nonce - context.used, context.oldest_used_at or context.now
