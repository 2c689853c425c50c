"""How often a player may hit what is rare before somebody should look: exact binomial bounds.

Pure. A class is all awards that pay so much or more; classes are those whose chance in one spin is at most `RARE`.
Of the last `SPINS` spins of a player by one paytable, k hits of a class are improbable if P(X ≥ k) ≤ `CHANCE`, where X
is binomial with the class's chance of the PAR sheet. A false alarm in one spin is thus as rare as `CHANCE` for each
class.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import NamedTuple

from slots.par import ParSheet

RARE = Fraction(1, 100)
CHANCE = Fraction(1, 10**8)
SPINS = 1_000


class AwardClass(NamedTuple):
    """All awards that pay `pay` points or more: `tickets` of `of` win one of them."""

    pay: int
    tickets: int
    of: int


class Luck(NamedTuple):
    """`hits` of a class among `spins` spins, of which `least` would have been improbable."""

    award: AwardClass
    spins: int
    hits: int
    least: int


def classes_of(par: ParSheet) -> tuple[AwardClass, ...]:
    """Return the rare classes, the highest awards first."""
    found, tickets = [], 0
    for pay in sorted(par.tickets_by_pay, reverse=True):
        tickets += par.tickets_by_pay[pay]
        if Fraction(tickets, par.tickets) > RARE:
            break
        found.append(AwardClass(pay, tickets, par.tickets))
    return tuple(found)


def improbable(par: ParSheet, *, spins: int, hits_by_pay: Mapping[int, int]) -> Luck | None:
    """Return the highest class that was hit improbably often in `spins` spins; None if none was."""
    for award in classes_of(par):
        hits = sum(count for pay, count in hits_by_pay.items() if pay >= award.pay)
        least = least_hits(spins, award.tickets, award.of)
        if hits >= least:
            return Luck(award, spins, hits, least)
    return None


def least_hits(spins: int, tickets: int, of: int) -> int:
    """Return the smallest k with P(X ≥ k) ≤ `CHANCE`; `spins` + 1 if even all hits are likelier than that."""
    common = gcd(tickets, of)
    return _least_hits(spins, tickets // common, of // common)


@lru_cache(maxsize=16_384)
def _least_hits(spins: int, wins: int, of: int) -> int:
    """Count outcomes in whole numbers: `of` ** `spins` in all, `exactly` of them with k hits."""
    losses, outcomes = of - wins, of**spins
    left, exactly = outcomes, losses**spins
    for k in range(spins + 1):
        if left * CHANCE.denominator <= outcomes * CHANCE.numerator:
            return k
        left -= exactly
        exactly = exactly * (spins - k) * wins // ((k + 1) * losses)  # exact: both are binomial terms
    return spins + 1
