"""A player's reads. The cost of each is independent of the number of spins."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

import loyalty.services
from accounts.models import User
from core.clock import CoreNow
from core.db import rows
from core.errors import NotFound
from core.ids import new_id
from slots.errors import SpinArchived
from slots.gates import HOUR, SESSION_IDLE, Session
from slots.models import SlotState, Spin
from slots.par import ParSheet
from slots.sealing import newest_key_id
from slots.services.archiving import month_of
from slots.services.detaching import is_detached
from slots.services.paytables import active_paytable, is_open, par_of, table_of
from slots.services.storage import opening

_UNLIMITED = 10**12
_USED = """
    SELECT h.used + CASE WHEN i.at IS NULL THEN 0 ELSE 1 END AS used, least(h.oldest_at, i.at) AS oldest_at
      FROM slots_slotstate s
     CROSS JOIN LATERAL slots_used(
        p_user_id => s.user_id, p_next => s.nonce, p_most => %(limit)s, p_since => core_now() - interval '1 hour',
        p_from_id => slots_id_floor(slots_id_moment(%(now_id)s) - interval '2 days')) AS h
      LEFT JOIN slots_spinintent i
             ON i.user_id = s.user_id AND i.state = 'open' AND i.at > core_now() - interval '1 hour'
     WHERE s.user_id = %(user_id)s
"""
_NONCES = """
    SELECT s.nonce AS next, coalesce((
        SELECT p.nonce FROM slots_spin p WHERE p.user_id = s.user_id ORDER BY p.nonce LIMIT 1), s.nonce) AS first
    FROM slots_slotstate s WHERE s.user_id = %s
"""


@dataclass(frozen=True)
class History:
    """A page of a player's spins, newest first, and how many there are in the table."""

    spins: Sequence[Spin]
    total: int
    limit: int
    offset: int


@dataclass(frozen=True)
class Config:
    """The paytable in force and its exact return."""

    enabled: bool
    table: dict[str, Any]
    unit: int
    digest: bytes
    par: ParSheet


@dataclass(frozen=True)
class HourlyUse:
    """Spins of the rolling hour. ``limit`` and ``remaining`` are None when the limit is off.

    ``resets_at`` is when the oldest of them leaves the hour; None when there is none.
    """

    limit: int | None
    used: int
    remaining: int | None
    resets_at: datetime | None


@dataclass(frozen=True)
class Fairness:
    """The commitment of the next spin."""

    commitment: bytes
    nonce: int
    paytable_digest: bytes
    client_seed: str


def history(*, user: User, limit: int, offset: int) -> History:
    """Return a page of the user's spins, found by their gapless nonces: the same cost at any offset."""
    found = rows(_NONCES, [user.id])
    first, following = (found[0]["first"], found[0]["next"]) if found else (0, 0)
    newest = following - 1 - offset
    page = Spin.objects.filter(user_id=user.id, nonce__gt=newest - limit, nonce__lte=newest).order_by("-nonce")
    spins = list(page) if newest >= first else []
    return History(spins=spins, total=following - first, limit=limit, offset=offset)


def _is_credit_pending(spin: Spin) -> bool:
    """Whether a spin's award is not paid yet: never where the ledger pays (else one statement)."""
    if not spin.is_win or not loyalty.services.is_remote():
        return False
    return spin.id in loyalty.services.pending_credits([spin.id])


def spin_of(*, user: User, spin_id: UUID) -> Spin:
    """Return one spin of this user.

    Raises:
        NotFound: there is none, or it is another user's; SpinArchived: spins of its month are no longer stored.
    """
    spin = Spin.objects.filter(id=spin_id, user_id=user.id).first()
    if spin is None:
        raise SpinArchived(month=f"{month_of(spin_id):%Y-%m}") if is_detached(spin_id) else NotFound
    spin.pending_credit = _is_credit_pending(spin)
    return spin


def config() -> Config:
    """Return the active paytable, its exact odds, and whether the machine is open. Raises GameDisabled without one."""
    active = active_paytable()
    table = table_of(active.canonical)
    return Config(
        enabled=is_open(),
        table=json.loads(active.canonical),
        unit=table.unit,
        digest=table.digest,
        par=par_of(active.canonical),
    )


def hourly_use(*, user: User) -> HourlyUse:
    """Count the user's spins of the rolling hour, one still being paid for too (one statement: a binary search)."""
    limit = settings.SLOTS_SPINS_PER_HOUR
    found = rows(_USED, {"limit": limit or _UNLIMITED, "now_id": new_id(), "user_id": user.id})
    used, oldest_at = (found[0]["used"], found[0]["oldest_at"]) if found else (0, None)
    return HourlyUse(
        limit=limit or None,
        used=used,
        remaining=max(limit - used, 0) if limit else None,
        resets_at=oldest_at + HOUR if used and oldest_at else None,
    )


_LAST_DAY = """
    SELECT count(*) AS spins, count(DISTINCT user_id) AS players FROM slots_spin
    WHERE id >= slots_id_floor(slots_id_moment(%s) - interval '1 day')
"""


def spins_per_player() -> float | None:
    """Spins per player in the last 24 hours (one statement; it reads them all); None if nobody played."""
    found = rows(_LAST_DAY, [new_id()])[0]
    return found["spins"] / found["players"] if found["players"] else None


def session(*, user: User) -> Session | None:
    """Return the session of the user's last spin, None without one or after 30 idle minutes."""
    now = CoreNow()
    state = SlotState.objects.filter(
        user_id=user.id, last_spin_at__gt=now - SESSION_IDLE, last_spin_at__lte=now
    ).first()
    if state is None or state.session_started_at is None or state.reality_at is None:
        return None
    return Session(
        started_at=state.session_started_at,
        net_points=state.session_net,
        reality_at=state.reality_at,
        nonce=state.session_nonce,
        staked_points=state.session_staked,
    )


def fairness(*, user: User) -> Fairness:
    """Return the commitment of the user's next spin. Inserts the slot state on the first call."""
    digest = bytes(active_paytable().digest)
    state = SlotState.objects.filter(user_id=user.id).first()
    if state is None:
        committed, sealed, start = opening(user.id)
        SlotState.objects.bulk_create(
            [
                SlotState(
                    user_id=user.id,
                    commitment=committed,
                    sealed_seed=sealed,
                    seed_key=newest_key_id(),
                    chain=start,
                )
            ],
            ignore_conflicts=True,
        )
        state = SlotState.objects.get(user_id=user.id)
    return Fairness(
        commitment=bytes(state.commitment), nonce=state.nonce, paytable_digest=digest, client_seed=state.client_seed
    )
