"""Rounds over new spins: each is counted into its paytable's return and looked at for its player, once.

A round reads the spins after the last one that was read, in the order of their ids, in short transactions, up to the
last spin that is in the figures of play (`slots.services.counting` says why no spin appears below that one later).
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.db import command, rows, try_lock_name
from core.ids import NIL
from slots.models import Aggregated, Game, Paytable
from slots.services import counting
from slots.services.noticing import NEW_SPINS, notice
from slots.services.paytables import GAME
from slots.services.returns import Return, Tallies, returns

NAME = "watch"
MOST_SPINS = 2_000
ROUND_S = 20.0
_LAG = """
SELECT extract(epoch FROM clock_timestamp() - slots_id_moment(s.id))::float AS lag_s
  FROM slots_spin s WHERE s.id > %(upto)s ORDER BY s.id LIMIT 1
"""


@dataclass(frozen=True)
class Watch:
    """Whether the return has closed the machine, the active paytable's return, the age of the oldest unread spin."""

    closed_by_drift: bool
    returned: Return | None
    lag_s: float


def watch() -> int:
    """Read the spins counted since the last round, for `ROUND_S` seconds at most; return how many.

    Beside another round it does nothing. Each transaction locks the game.
    """
    ends, total = time.monotonic() + ROUND_S, 0
    while read := command(_read):
        total += read
        if read < MOST_SPINS or time.monotonic() >= ends:
            break
    return total


def watched() -> Watch:
    """Return what the rounds have found (five statements)."""
    lag = rows(_LAG, {"upto": _upto(NAME)})
    closed = Game.objects.filter(code=GAME, closed_by_drift_at__isnull=False).exists()
    return Watch(closed_by_drift=closed, returned=returns(), lag_s=lag[0]["lag_s"] if lag else 0.0)


def _read() -> int:
    """Read the next spins in the open transaction, which writes counts, looks, markers and the place reached.

    A spin of an unknown paytable, which only tampering makes, is left to the verifier.
    """
    if not try_lock_name("slots.watch"):
        return 0
    game = Game.objects.select_for_update(no_key=True).get(code=GAME)
    span = {"upto": _upto(NAME), "last": _upto(counting.NAME), "most": MOST_SPINS}
    spins: list[dict[str, Any]] = rows(NEW_SPINS, span)
    if not spins:
        return 0
    paytables = Paytable.objects.in_bulk({spin["paytable_id"] for spin in spins})
    sound = [spin for spin in spins if spin["paytable_id"] in paytables]
    tallies = Tallies(game)
    for spin in sound:
        tallies.add(spin, paytables[spin["paytable_id"]])
    tallies.save()
    notice(sound, paytables)
    Aggregated.objects.update_or_create(name=NAME, defaults={"upto": spins[-1]["id"]})
    return len(spins)


def _upto(name: str) -> UUID:
    """Return the last spin that was read, or counted."""
    reached = Aggregated.objects.filter(name=name).first()
    return reached.upto if reached else NIL
