"""Verify the stored spins: none is missing, inserted, changed or drawn differently."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from core.db import rows
from core.ids import NIL
from escrow.services import Finding
from slots import chain
from slots.draw import commitment, draw
from slots.errors import SealBroken
from slots.models import Paytable, SlotState, Spin
from slots.sealing import unseal
from slots.services.detaching import archived_ends
from slots.services.paytables import table_of
from slots.services.storage import record_of

BATCH_ROWS = 1_000
_STRAYS = """
    SELECT p.id, p.user_id, p.nonce FROM slots_spin p LEFT JOIN slots_slotstate s ON s.user_id = p.user_id
    WHERE s.user_id IS NULL OR p.nonce >= s.nonce ORDER BY p.user_id, p.nonce
"""


@dataclass
class _Walk:
    """The position of a walk along one user's spins: what the next spin must continue."""

    nonce: int
    chain: bytes
    commitment: bytes | None
    staked_total: int
    paid_total: int


def verify(*, user_id: UUID | None = None) -> list[Finding]:
    """Walk every user's spins (or one user's) from the first and return the discrepancies.

    Takes no locks: a slot state is read first, then the spins before its nonce, which are committed and never change.
    Checks: GAP (nonces 0, 1, 2 …), CHAIN, COMMITMENT (each seed is the one committed to), DRAW (paytable, seed and
    nonces give the stored outcome), TOTALS, STATE (it matches the last spin), SEAL (its seed decrypts and matches its
    commitment), STRAY (a spin without a slot state). Where months were detached it begins where they end; what is in
    them, their archives are replayed for.
    """
    played = {table.id: (bytes(table.digest), table.canonical) for table in Paytable.objects.all()}
    findings = [finding for state in _states(user_id) for finding in _of_user(state, played)]
    strays = [] if user_id is not None else rows(_STRAYS)
    return findings + [
        Finding("STRAY", str(row["id"]), f"spin {row['nonce']} of user {row['user_id']} has no slot state")
        for row in strays
    ]


def _of_user(state: SlotState, played: Mapping[UUID, tuple[bytes, str]]) -> Iterator[Finding]:
    """Walk one user's spins, then compare the slot state with the last."""
    walk = _start(state)
    for spin in _spins(state):
        for check, problem in _problems(spin, walk, played):
            yield Finding(check, str(spin.id), f"spin {spin.nonce} of user {spin.user_id}: {problem}")
        walk = _Walk(
            nonce=spin.nonce + 1,
            chain=bytes(spin.chain),
            commitment=bytes(spin.next_commitment),
            staked_total=spin.staked_total,
            paid_total=spin.paid_total,
        )
    for check, problem in _state_problems(state, walk):
        yield Finding(check, str(state.user_id), problem)


def _start(state: SlotState) -> _Walk:
    """Return where a user's stored spins begin: at the first one, or where those of detached months end."""
    end = archived_ends([state.user_id]).get(state.user_id)
    if end is None or Spin.objects.filter(user_id=state.user_id, nonce__lt=end.nonce).exists():
        return _Walk(nonce=0, chain=chain.genesis(state.user_id), commitment=None, staked_total=0, paid_total=0)
    return _Walk(
        nonce=end.nonce,
        chain=bytes(end.chain),
        commitment=bytes(end.commitment),
        staked_total=end.staked_total,
        paid_total=end.paid_total,
    )


def _problems(spin: Spin, walk: _Walk, played: Mapping[UUID, tuple[bytes, str]]) -> Iterator[tuple[str, str]]:
    """Yield how a spin fails to continue the walk."""
    if spin.nonce != walk.nonce:
        yield "GAP", f"nonce {walk.nonce} was to come"
    if bytes(spin.chain) != chain.link(walk.chain, record_of(spin)):
        yield "CHAIN", "the link is not that of this record after the one before"
    if walk.commitment not in (None, commitment(bytes(spin.seed))):
        yield "COMMITMENT", "the seed is not the one committed to"
    if (spin.staked_total, spin.paid_total) != (walk.staked_total + spin.bet, walk.paid_total + spin.payout):
        yield "TOTALS", "the running totals do not continue"
    digest, canonical = played.get(spin.paytable_id, (b"", ""))
    if digest != bytes(spin.paytable_digest):
        yield "DRAW", "there is no such paytable"
        return
    drawn = draw(
        table_of(canonical),
        seed=bytes(spin.seed),
        nonce=spin.nonce,
        client_seed=spin.client_seed,
        client_nonce=bytes(spin.client_nonce),
    )
    if (spin.ticket, tuple(spin.symbols), spin.payout) != (drawn.ticket, drawn.symbols, drawn.payout):
        yield "DRAW", f"the draw gives ticket {drawn.ticket} and pays {drawn.payout}"


def _state_problems(state: SlotState, walk: _Walk) -> Iterator[tuple[str, str]]:
    """Yield how a slot state differs from the end of the walk."""
    kept = (state.nonce, bytes(state.chain), state.staked_total, state.paid_total)
    if kept != (walk.nonce, walk.chain, walk.staked_total, walk.paid_total):
        yield "STATE", f"the state stands at nonce {state.nonce}, the spins end before {walk.nonce}"
    if walk.commitment not in (None, bytes(state.commitment)):
        yield "COMMITMENT", "the state's commitment is not the one that the last spin gave"
    try:
        seed = unseal(bytes(state.sealed_seed), user_id=state.user_id, nonce=state.nonce, key_id=state.seed_key)
    except SealBroken as broken:
        yield "SEAL", str(broken)
        return
    if commitment(seed) != bytes(state.commitment):
        yield "SEAL", "the sealed seed is not the one committed to"


def _states(user_id: UUID | None) -> Iterator[SlotState]:
    """Yield slot states in user order, a batch at a time; only one user's if named."""
    if user_id is not None:
        yield from SlotState.objects.filter(user_id=user_id)
        return
    states, last = SlotState.objects.order_by("user_id"), NIL
    while batch := list(states.filter(user_id__gt=last)[:BATCH_ROWS]):
        yield from batch
        last = batch[-1].user_id


def _spins(state: SlotState) -> Iterator[Spin]:
    """Yield the spins before a slot state's nonce, in nonce order, a batch at a time."""
    mine = Spin.objects.filter(user_id=state.user_id, nonce__lt=state.nonce).order_by("nonce")
    last = -1
    while last + 1 < state.nonce and (batch := list(mine.filter(nonce__gt=last)[:BATCH_ROWS])):
        yield from batch
        last = batch[-1].nonce
