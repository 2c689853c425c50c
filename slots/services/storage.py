"""The first and the third phase of a spin, each one statement over a list: load under lock, store."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from core.db import rows
from slots import chain
from slots.draw import commitment
from slots.gates import Asked, Decision, Limits, Standing
from slots.models import Spin
from slots.sealing import fresh_seed, seal, unseal
from slots.services.paytables import table_of

_LOAD = (
    "SELECT * FROM slots_load(%s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bigint)"
)


def load(asked: Sequence[Asked], limits: Limits) -> list[Standing]:
    """Lock the players' slot states, opening those that do not exist, and read what the gates ask (one statement).

    Locks: slot states by user id, FOR NO KEY UPDATE, until the transaction ends.
    """
    openings = [opening(one.user.id) for one in asked]
    found = rows(
        _LOAD,
        [
            [one.user.id for one in asked],
            [one.spin_id for one in asked],
            [one.performer_id for one in asked],
            [committed for committed, _, _ in openings],
            [sealed for _, sealed, _ in openings],
            [start for _, _, start in openings],
            limits.spins_per_hour,
        ],
    )
    return [_standing(row) for row in found]


def opening(user_id: UUID) -> tuple[bytes, bytes, bytes]:
    """Draw what a new slot state starts with: the first commitment, its sealed seed, the chain's start."""
    seed = fresh_seed()
    return commitment(seed), seal(seed, user_id=user_id, nonce=0), chain.genesis(user_id)


def store(spins: Iterable[tuple[Spin, Decision]]) -> None:
    """Write the spins and move their slot states on (one statement). The states are locked since ``load``."""
    spun = [{**_row(spin), **_moved_on(spin, decision)} for spin, decision in spins]
    rows("SELECT slots_store(%s::jsonb)", [json.dumps(spun)])


def linked(spin: Spin, head: bytes) -> bytes:
    """Return the link of a spin after ``head``. Which columns it covers is fixed for good by ``chain.FIELDS``."""
    return chain.link(head, {name: _plain(getattr(spin, name)) for name in chain.FIELDS})


def _row(spin: Spin) -> dict[str, Any]:
    """Write a spin out as JSON values by column."""
    return {field.attname: _plain(getattr(spin, field.attname)) for field in Spin._meta.concrete_fields}


def _moved_on(spin: Spin, decision: Decision) -> dict[str, Any]:
    """What only the slot state keeps: the next seed under seal, and the session."""
    sealed = seal(decision.asked.next_seed, user_id=spin.user_id, nonce=spin.nonce + 1)
    return {
        "sealed_seed": _plain(sealed),
        "session_started_at": _plain(decision.session.started_at),
        "session_net": decision.session.net_points,
        "reality_at": _plain(decision.session.reality_at),
    }


def _standing(row: dict[str, Any]) -> Standing:
    """Turn a row of ``slots_load`` into values, the seed opened."""
    user_id, canonical = row.pop("user_id"), row.pop("canonical")
    seed = unseal(bytes(row.pop("sealed_seed")), user_id=user_id, nonce=row["nonce"])
    table = None if canonical is None else table_of(canonical)
    enabled = row.pop("enabled") and settings.SLOTS_ENABLED
    row |= {"commitment": bytes(row["commitment"]), "chain": bytes(row["chain"])}
    return Standing(seed=seed, table=table, enabled=enabled, **row)


def _plain(value: object) -> Any:
    """Render a column as JSON does: bytes as PostgreSQL's hex, ids and UTC times as text."""
    match value:
        case bytes() | memoryview():
            return "\\x" + bytes(value).hex()
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case UUID():
            return str(value)
    return value
