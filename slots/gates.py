"""The second phase of a spin: what was asked and what was loaded in; a decision or a refusal out.

Pure: no statement, no clock, no randomness. The order of the gates is PRODUCT.md §4's and is a promise.
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
class Asked:
    """What one player wants, and the randomness that was drawn for the case that he gets it."""

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
class Standing:
    """What the player's locked slot state and the house say at ``now``. ``table`` is None when none is active."""

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
    """How fast and how often one user may spin; zero switches a limit off."""

    min_interval: timedelta
    spins_per_hour: int


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run of spins with less than 30 idle minutes between them, the one just decided included."""

    started_at: datetime
    net_points: int
    reality_at: datetime


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A spin that will happen unless the balance is short."""

    asked: Asked
    standing: Standing
    table: Table
    paytable_id: UUID
    client_seed: str
    drawn: Draw
    session: Session
    spins_left: int | None


def decide(asked: Asked, standing: Standing, limits: Limits) -> Decision:
    """Let one spin through every gate but the balance, and draw it.

    Raises:
        the refusal of the first closed gate; NotFound: the performer named does not exist.
    """
    if asked.user.role == Role.USER and not standing.performer_known:
        raise NotFound
    playable = standing.table is not None and standing.paytable_id is not None
    compliance.check(asked.user, feature="slots", enabled=standing.enabled and playable)
    if standing.table is None or standing.paytable_id is None:
        raise AssertionError("a game without an active paytable is not enabled")
    _check_offer(asked, standing, standing.table)
    _check_pace(standing, limits)
    client_seed = standing.client_seed if asked.client_seed is None else asked.client_seed
    drawn = draw(
        standing.table,
        seed=standing.seed,
        nonce=standing.nonce,
        client_seed=client_seed,
        client_nonce=asked.client_nonce,
    )
    return Decision(
        asked=asked,
        standing=standing,
        table=standing.table,
        paytable_id=standing.paytable_id,
        client_seed=client_seed,
        drawn=drawn,
        session=_session_with(standing, net_points=drawn.payout - asked.bet),
        spins_left=limits.spins_per_hour - standing.used - 1 if limits.spins_per_hour else None,
    )


def _check_offer(asked: Asked, standing: Standing, table: Table) -> None:
    """Gates on what the player believes to be playing: paytable, commitment, bet."""
    if asked.paytable_digest not in (None, table.digest):
        raise PaytableChanged(paytableDigest=table.digest.hex())
    if asked.commitment not in (None, standing.commitment):
        raise CommitmentStale(commitment=standing.commitment.hex(), nonce=standing.nonce)
    if asked.bet != table.unit:
        raise InvalidBet(allowed=[table.unit])


def _check_pace(standing: Standing, limits: Limits) -> None:
    """Gates on how fast and how often: the interval, then the rolling hour."""
    if standing.last_spin_at is not None and limits.min_interval:
        wait = standing.last_spin_at + limits.min_interval - standing.now
        if wait > timedelta(0):
            raise SpinTooFast(
                retry_after_s=wait.total_seconds(), minIntervalMs=limits.min_interval // timedelta(milliseconds=1)
            )
    if limits.spins_per_hour and standing.used >= limits.spins_per_hour and standing.oldest_used_at is not None:
        free_at = standing.oldest_used_at + HOUR
        raise HourlyLimitReached(
            retry_after_s=(free_at - standing.now).total_seconds(),
            limit=limits.spins_per_hour,
            used=standing.used,
            resetsAt=free_at,
        )


def _session_with(standing: Standing, *, net_points: int) -> Session:
    """Add a spin's net to the session under way, or start one after 30 idle minutes."""
    started, last = standing.session_started_at, standing.last_spin_at
    if started is None or last is None or standing.now - last >= SESSION_IDLE:
        return Session(started_at=standing.now, net_points=net_points, reality_at=standing.now)
    return Session(
        started_at=started,
        net_points=standing.session_net + net_points,
        reality_at=standing.reality_at or started,
    )
