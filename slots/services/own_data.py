"""What the slot machine holds about a person."""

from collections.abc import Iterator
from uuid import UUID

from core.db import joined
from core.own_data import Section, section
from slots.models import ArchivedPlayer, PlayDay, SlotState, Spin, SpinIntent, SpinOrigin


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's state, spins with their proofs, where they were asked from, those paid elsewhere, days of play.

    The sealed seed of the next spin is left out: who knew it could choose the outcome. Spins before the nonce of
    `spinsInArchives` are in signed archives alone.
    """
    proof = ("commitment", "chain", "paytable_digest", "seed", "next_commitment", "client_nonce")
    states = SlotState.objects.filter(user_id=user_id)
    yield section("slotState", states, of="user", by="user_id", but=("sealed_seed", "seed_key"), shown=proof)
    yield section("spins", Spin.objects.filter(user_id=user_id), of="user_id", by="nonce", shown=proof)
    ends = ArchivedPlayer.objects.filter(user_id=user_id)
    yield section("spinsInArchives", ends, of="user_id", by="user_id", shown=("chain", "commitment"))
    yield section("spinOrigins", SpinOrigin.objects.filter(user_id=user_id), of="user_id", by="spin_id")
    intents = SpinIntent.objects.filter(user_id=user_id)
    yield section("spinIntents", intents, of="user", by="id", shown=("commitment", "client_nonce", "fingerprint"))
    yield section("playDays", PlayDay.objects.filter(user_id=user_id), of="user_id", by="day")


def erase_person(user_id: UUID) -> None:
    """Delete where a person's spins were asked from, and the words of their next spins. What was spun stays."""
    with joined():
        SpinOrigin.objects.filter(user_id=user_id).delete()
        SlotState.objects.filter(user_id=user_id).exclude(client_seed="").update(client_seed="")
