"""The second phase of a spin: from a request and its context to a decision or a refusal.

Pure: no statement, no clock, no randomness. The order of the gates is part of the API (PRODUCT.md §4).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Role, User
from compliance import services as compliance
from core.errors import NotFound
from slots.draw import Draw, Table, draw
from slots.errors import CommitmentStale, HourlyLimitReached, InvalidBet, PaytableChanged, SpinTooFast

HOUR = timedelta(hours=1)
SESSION_IDLE = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class SpinRequest:
    """A player's input, and the randomness drawn for the spin."""

    user: User
    spin_id: UUID
    bet: int
    commitment: bytes | None
    paytable_digest: bytes | None
    client_nonce: bytes
    client_nonce_drawn: bool
    client_seed: str | None
    performer_id: UUID | None
    next_seed: bytes


@dataclass(frozen=True, kw_only=True)
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
    used: int
    oldest_used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The minimal interval and the hourly limit of one user; zero switches a limit off."""

    min_interval: timedelta
    spins_per_hour: int


@dataclass(frozen=True, kw_only=True)
class Session:
    """Spins with less than 30 idle minutes between them, including the one just decided."""

    started_at: datetime
    net_points: int
    reality_at: datetime


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A drawn spin; only the balance can still refuse it."""

    request: SpinRequest
    context: SpinContext
    table: Table
    paytable_id: UUID
    client_seed: str
    drawn: Draw
    session: Session
    spins_left: int | None


def decide(request: SpinRequest, context: SpinContext, limits: Limits) -> Decision:
    """Check a spin at every gate except the balance, and draw it.

    Raises:
        the refusal of the first gate that refuses; NotFound: there is no such performer.
    """
    if request.user.role == Role.USER and not context.performer_known:
        raise NotFound
    playable = context.table is not None and context.paytable_id is not None
    compliance.check(request.user, feature="slots", enabled=context.enabled and playable)
    if context.table is None or context.paytable_id is None:
        raise AssertionError("a game without an active paytable is not enabled")
    _check_offer(request, context, context.table)
    _check_pace(context, limits)
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
        session=_session_with(context, net_points=drawn.payout - request.bet),
        spins_left=limits.spins_per_hour - context.used - 1 if limits.spins_per_hour else None,
    )


def _check_offer(request: SpinRequest, context: SpinContext, table: Table) -> None:
    """Check the player's view of the game: paytable, commitment, bet."""
    if request.paytable_digest not in (None, table.digest):
        raise PaytableChanged(paytableDigest=table.digest.hex())
    if request.commitment not in (None, context.commitment):
        raise CommitmentStale(commitment=context.commitment.hex(), nonce=context.nonce)
    if request.bet != table.unit:
        raise InvalidBet(allowed=[table.unit])


def _check_pace(context: SpinContext, limits: Limits) -> None:
    """Check the interval, then the rolling hour."""
    if context.last_spin_at is not None and limits.min_interval:
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


def _session_with(context: SpinContext, *, net_points: int) -> Session:
    """Add a spin's net points to the current session, or start one after 30 idle minutes."""
    started, last = context.session_started_at, context.last_spin_at
    if started is None or last is None or context.now - last >= SESSION_IDLE:
        return Session(started_at=context.now, net_points=net_points, reality_at=context.now)
    return Session(
        started_at=started, net_points=context.session_net + net_points, reality_at=context.reality_at or started
    )
