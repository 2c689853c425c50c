"""The first and the third phase of spins, each one statement over a list: load under lock, store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings

from core.batches import Statement
from core.db import array
from core.ids import new_id
from core.origin import Origin
from escrow.services import LockedWallet, guarded
from slots import chain
from slots.draw import commitment
from slots.gates import Decision, Limits, Spending, SpinContext
from slots.models import Spin
from slots.sealing import fresh_seed, newest_key_id, seal, unseal
from slots.services.paytables import table_of

_LOAD = """
SELECT * FROM slots_load(
    p_user_ids => %(users)s, p_performer_ids => %(performers)s, p_spin_id => %(now_id)s,
    p_hourly_limit => %(hourly_limit)s, p_wait => %(wait)s, p_commitments => %(commitments)s,
    p_sealed_seeds => %(sealed_seeds)s, p_seed_key => %(seed_key)s, p_chains => %(chains)s, p_bets => %(bets)s,
    p_caps => %(caps)s)
"""


_FIELDS_OF = attrgetter(*chain.FIELDS)
_NOT_JSON = ("at", "paytable_digest", "seed", "next_commitment", "client_nonce")


class Loaded(NamedTuple):
    """A row of ``slots_load``: the game, then the player's state and wallet, null without a lock on them."""

    now: datetime
    enabled: bool
    performer_known: bool
    paytable_id: UUID | None
    canonical: str | None
    nonce: int | None
    commitment: bytes
    sealed_seed: bytes
    seed_key: int
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
    day_nonce: int
    day_at: datetime | None
    day_staked: int
    day_limit: int | None
    day_other: int
    day_frees_at: datetime | None
    week_nonce: int
    week_at: datetime | None
    week_staked: int
    week_limit: int | None
    week_other: int
    week_frees_at: datetime | None
    month_nonce: int
    month_at: datetime | None
    month_staked: int
    month_limit: int | None
    month_other: int
    month_frees_at: datetime | None
    wallet_id: UUID | None
    wallet_status: str
    available: int
    held: int
    owed: int


@dataclass(slots=True, kw_only=True)
class NewSpin:
    """A spin to be stored: the columns of its row."""

    id: UUID
    user_id: UUID
    nonce: int
    at: datetime
    bet: int
    payout: int
    ticket: int
    symbols: list[str]
    paytable_id: UUID
    paytable_digest: bytes
    seed: bytes
    next_commitment: bytes
    client_seed: str
    client_nonce: bytes
    client_nonce_drawn: bool
    performer_id: UUID | None
    hold_id: UUID
    item_id: UUID
    balance_before: int
    balance_after: int
    staked_total: int
    paid_total: int

    @property
    def is_win(self) -> bool:
        return self.payout > 0


def loading(players: Sequence[tuple[UUID, UUID | None, int]], limits: Limits, *, wait: bool) -> Statement:
    """Return the statement that locks the players' slot states and wallets and reads what the gates check.

    A player is a user's id, that of the room's performer, and the stake asked for. Rows are for ``Loaded``. Locks:
    slot states by user id, then wallets by id, FOR NO KEY UPDATE, until the transaction ends. With ``wait`` missing
    states are inserted.
    """
    openings = list(zip(*(opening(user_id) for user_id, *_ in players), strict=True)) if wait else [None] * 3
    commitments, sealed_seeds, chains = (each and array(each) for each in openings)
    params = {
        "users": array([user_id for user_id, *_ in players]),
        "performers": array([performer_id for _, performer_id, _ in players]),
        "now_id": new_id(),
        "hourly_limit": limits.spins_per_hour,
        "wait": wait,
        "commitments": commitments,
        "sealed_seeds": sealed_seeds,
        "seed_key": newest_key_id(),
        "chains": chains,
        "bets": array([bet for *_, bet in players]),
        "caps": array(limits.caps),
    }
    return Statement(_LOAD, params, rows=len(players), through=guarded)


def opening(user_id: UUID) -> tuple[bytes, bytes, bytes]:
    """Draw the values of a new slot state: the first commitment, its sealed seed, the start of the chain."""
    seed = fresh_seed()
    return commitment(seed), seal(seed, user_id=user_id, nonce=0), chain.genesis(user_id)


def context_of(loaded: Loaded, user_id: UUID, canonical: str | None) -> SpinContext | None:
    """Return what the gates check of a player, None without the state's lock; decrypts the seed."""
    if loaded.nonce is None:
        return None
    return SpinContext(
        now=loaded.now,
        enabled=loaded.enabled and settings.SLOTS_ENABLED,
        performer_known=loaded.performer_known,
        paytable_id=loaded.paytable_id,
        table=None if canonical is None else table_of(canonical),
        nonce=loaded.nonce,
        commitment=bytes(loaded.commitment),
        seed=unseal(bytes(loaded.sealed_seed), user_id=user_id, nonce=loaded.nonce, key_id=loaded.seed_key),
        client_seed=loaded.client_seed,
        chain=bytes(loaded.chain),
        staked_total=loaded.staked_total,
        paid_total=loaded.paid_total,
        last_spin_at=loaded.last_spin_at,
        session_started_at=loaded.session_started_at,
        session_net=loaded.session_net,
        reality_at=loaded.reality_at,
        session_nonce=loaded.session_nonce,
        session_staked=loaded.session_staked,
        used=loaded.used,
        oldest_used_at=loaded.oldest_used_at,
        spending=_spending(loaded),
    )


def _spending(row: Loaded) -> tuple[Spending, Spending, Spending]:
    """Return what the player spent in 24 hours, 7 and 30 days."""
    return (
        Spending(row.day_nonce, row.day_at, row.day_staked, row.day_limit, row.day_other, row.day_frees_at),
        Spending(row.week_nonce, row.week_at, row.week_staked, row.week_limit, row.week_other, row.week_frees_at),
        Spending(row.month_nonce, row.month_at, row.month_staked, row.month_limit, row.month_other, row.month_frees_at),
    )


def wallet_of(loaded: Loaded, user_id: UUID) -> LockedWallet | None:
    """Return the player's wallet, None if there is none or it is not locked."""
    if loaded.wallet_id is None:
        return None
    return LockedWallet(loaded.wallet_id, user_id, loaded.wallet_status, loaded.available, loaded.held, loaded.owed)


def storing(spins: Sequence[tuple[NewSpin, Decision, Origin]]) -> Statement:
    """Return the statement that inserts the spins and their origins and updates the slot states.

    ``loading`` has locked these.
    """
    stored = [_columns(spin, decision, origin) for spin, decision, origin in spins]
    return Statement("SELECT slots_store(p_spun => %(spins)s::jsonb)", {"spins": orjson.dumps(stored).decode()})


def record_of(spin: Spin | NewSpin) -> dict[str, Any]:
    """Return a spin's columns in ``chain.FIELDS`` as JSON values."""
    record = dict(zip(chain.FIELDS, _FIELDS_OF(spin), strict=True))
    for name in _NOT_JSON:
        record[name] = plain(record[name])
    return record


def _columns(spin: NewSpin, decision: Decision, origin: Origin) -> dict[str, Any]:
    """Return the columns of a spin, of its origin and of its slot state as JSON values."""
    record = record_of(spin)
    sealed = seal(decision.request.next_seed, user_id=spin.user_id, nonce=spin.nonce + 1)
    window_nonce, window_at = decision.window or (None, None)
    day, week, month = decision.context.spending
    return record | {
        "chain": plain(chain.link(decision.context.chain, record)),
        "sealed_seed": plain(sealed),
        "seed_key": newest_key_id(),
        "address": origin.address,
        "user_agent": origin.user_agent,
        "session_started_at": decision.session.started_at,
        "session_net": decision.session.net_points,
        "reality_at": decision.session.reality_at,
        "session_nonce": decision.session.nonce,
        "session_staked": decision.session.staked_points,
        "window_nonce": window_nonce,
        "window_at": window_at,
        "day_nonce": day.nonce,
        "day_at": day.at or spin.at,
        "day_staked": day.staked,
        "week_nonce": week.nonce,
        "week_at": week.at or spin.at,
        "week_staked": week.staked,
        "month_nonce": month.nonce,
        "month_at": month.at or spin.at,
        "month_staked": month.staked,
    }


def _hex(value: bytes | memoryview) -> str:
    return "\\x" + value.hex()


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


_WRITERS: dict[type, Callable[[Any], str]] = {bytes: _hex, memoryview: _hex, datetime: _time}


def plain(value: object) -> Any:
    """Convert a value for JSON: bytes to PostgreSQL's hex, UTC times to text. Ids are text once they are written."""
    write = _WRITERS.get(type(value))
    return value if write is None else write(value)
