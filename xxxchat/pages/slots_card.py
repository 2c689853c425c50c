"""The docked slot machine: three symbols, what is left, one link."""

from dataclasses import dataclass

from accounts.models import Role, User
from slots import services as slots

SYMBOLS_AT_REST = ("cherry", "bell", "diamond")


@dataclass(frozen=True)
class SlotsCard:
    spins_left: int | None
    symbols: tuple[str, ...] = SYMBOLS_AT_REST


def slots_card_of(viewer: User | None) -> SlotsCard | None:
    """None for those who may not play (one statement for those who may)."""
    if viewer is None or viewer.role != Role.USER:
        return None
    return SlotsCard(spins_left=slots.hourly_use(user=viewer).remaining)
