"""The rotation of the key that seals seeds: seeds sealed by other keys are sealed by the newest."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from core.db import array, command, rows
from core.ids import NIL
from slots.errors import SealBroken
from slots.models import SlotState
from slots.sealing import newest_key_id, seal, unseal

BATCH_STATES = 100
_RESEAL = """
UPDATE slots_slotstate s SET sealed_seed = n.sealed, seed_key = %(key)s
  FROM unnest(%(users)s::uuid[], %(sealed)s::bytea[]) AS n (user_id, sealed) WHERE s.user_id = n.user_id
"""
_BY_KEY = "SELECT seed_key, count(*) AS states FROM slots_slotstate GROUP BY seed_key ORDER BY seed_key"


@dataclass
class Rotation:
    """What a rotation did: how many seeds it sealed anew, and whose do not open under any key."""

    sealed: int = 0
    broken: list[UUID] = field(default_factory=list)


def states_by_key() -> dict[int, int]:
    """Return how many slot states each key has sealed, by the key's id (one statement, a scan)."""
    return {row["seed_key"]: row["states"] for row in rows(_BY_KEY)}


def rotate_seeds(*, batch: int = BATCH_STATES) -> Rotation:
    """Seal every seed that another key than ``SEED_KEY`` has sealed anew. Seeds and commitments stay.

    A transaction for each `batch` states, which it locks as spins do: by user, FOR NO KEY UPDATE. A spin before it
    has sealed by its own process's key, one after it finds the new seal. May be repeated; it goes on where it stopped.

    Raises:
        QueueBusy: a state was locked for longer than the lock time-out; the batches before are committed.
    """
    rotation, last = Rotation(), NIL
    while True:
        found, sealed, broken = command(lambda last=last: _reseal_after(last, batch))  # type: ignore[misc]
        rotation.sealed += sealed
        rotation.broken += broken
        if not found:
            return rotation
        last = found[-1]


def _reseal_after(last: UUID, batch: int) -> tuple[list[UUID], int, list[UUID]]:
    """Seal the next states anew; return whose they were, how many were sealed and whose seals are broken."""
    states = list(
        SlotState.objects.select_for_update(no_key=True)
        .filter(user_id__gt=last)
        .exclude(seed_key=newest_key_id())
        .order_by("user_id")[:batch]
    )
    sealed, broken = _sealed_anew(states)
    if sealed:
        params = {"key": newest_key_id(), "users": array([*sealed]), "sealed": array([*sealed.values()])}
        rows(_RESEAL + " RETURNING s.user_id", params)
    return [state.user_id for state in states], len(sealed), broken


def _sealed_anew(states: Iterable[SlotState]) -> tuple[dict[UUID, bytes], list[UUID]]:
    sealed, broken = {}, []
    for state in states:
        user_id, nonce = state.user_id, state.nonce
        try:
            seed = unseal(bytes(state.sealed_seed), user_id=user_id, nonce=nonce, key_id=state.seed_key)
        except SealBroken:
            broken.append(user_id)
        else:
            sealed[user_id] = seal(seed, user_id=user_id, nonce=nonce)
    return sealed, broken
