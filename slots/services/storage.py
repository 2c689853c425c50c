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
from slots.gates import Decision, Limits, SpinContext, SpinRequest
from slots.models import Spin
from slots.sealing import fresh_seed, seal, unseal
from slots.services.paytables import table_of

_LOAD = """
SELECT * FROM slots_load(
    p_user_ids => %(user_ids)s::uuid[], p_spin_ids => %(spin_ids)s::uuid[],
    p_performer_ids => %(performer_ids)s::uuid[], p_commitments => %(commitments)s::bytea[],
    p_sealed_seeds => %(sealed_seeds)s::bytea[], p_chains => %(chains)s::bytea[],
    p_hourly_limit => %(hourly_limit)s::bigint)
"""


def load(requests: Sequence[SpinRequest], limits: Limits) -> list[SpinContext]:
    """Lock the players' slot states, inserting missing ones, and read what the gates check (one statement).

    Locks: slot states by user id, FOR NO KEY UPDATE, until the transaction ends.
    """
    openings = [opening(request.user.id) for request in requests]
    found = rows(
        _LOAD,
        {
            "user_ids": [request.user.id for request in requests],
            "spin_ids": [request.spin_id for request in requests],
            "performer_ids": [request.performer_id for request in requests],
            "commitments": [committed for committed, _, _ in openings],
            "sealed_seeds": [sealed for _, sealed, _ in openings],
            "chains": [start for _, _, start in openings],
            "hourly_limit": limits.spins_per_hour,
        },
    )
    return [_context(row) for row in found]


def opening(user_id: UUID) -> tuple[bytes, bytes, bytes]:
    """Draw the values of a new slot state: the first commitment, its sealed seed, the start of the chain."""
    seed = fresh_seed()
    return commitment(seed), seal(seed, user_id=user_id, nonce=0), chain.genesis(user_id)


def store(spins: Iterable[tuple[Spin, Decision]]) -> None:
    """Insert the spins and update their slot states (one statement). ``load`` has locked the states."""
    stored = [{**_row(spin), **_state_columns(spin, decision)} for spin, decision in spins]
    rows("SELECT slots_store(p_spun => %(spins)s::jsonb)", {"spins": json.dumps(stored)})


def linked(spin: Spin, head: bytes) -> bytes:
    """Return the link of a spin after ``head``, over the columns in ``chain.FIELDS``."""
    return chain.link(head, {name: _plain(getattr(spin, name)) for name in chain.FIELDS})


def _row(spin: Spin) -> dict[str, Any]:
    """Return a spin's columns as JSON values."""
    return {field.attname: _plain(getattr(spin, field.attname)) for field in Spin._meta.concrete_fields}


def _state_columns(spin: Spin, decision: Decision) -> dict[str, Any]:
    """Return the columns of the slot state only: the next sealed seed, and the session."""
    sealed = seal(decision.request.next_seed, user_id=spin.user_id, nonce=spin.nonce + 1)
    return {
        "sealed_seed": _plain(sealed),
        "session_started_at": _plain(decision.session.started_at),
        "session_net": decision.session.net_points,
        "reality_at": _plain(decision.session.reality_at),
    }


def _context(row: dict[str, Any]) -> SpinContext:
    """Convert a row of ``slots_load``; decrypts the seed."""
    user_id, canonical = row.pop("user_id"), row.pop("canonical")
    seed = unseal(bytes(row.pop("sealed_seed")), user_id=user_id, nonce=row["nonce"])
    table = None if canonical is None else table_of(canonical)
    enabled = row.pop("enabled") and settings.SLOTS_ENABLED
    row |= {"commitment": bytes(row["commitment"]), "chain": bytes(row["chain"])}
    return SpinContext(seed=seed, table=table, enabled=enabled, **row)


def _plain(value: object) -> Any:
    """Convert a value for JSON: bytes to PostgreSQL's hex, ids and UTC times to text."""
    match value:
        case bytes() | memoryview():
            return "\\x" + bytes(value).hex()
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case UUID():
            return str(value)
    return value
