"""The actual return of a paytable against its PAR sheet: how far off it is, and what follows.

Pure. All comparisons are exact: z² is a fraction, and only what is shown is rounded.
"""

import math
from fractions import Fraction

from slots.models.figures import Verdict
from slots.par import ParSheet

WARN_AT, DISABLE_AT = Fraction(33, 10), Fraction(44, 10)
LOOK_EVERY = 10_000


def is_look(spins: int, least: int) -> bool:
    """Return whether a look is taken after this many spins: each 10,000, and from the `least` on each 10,000 from it.

    With `least` a multiple of 10,000 these are the same.
    """
    return spins > 0 and (spins - least if spins >= least else spins) % LOOK_EVERY == 0


def z_of(par: ParSheet, *, spins: int, staked: int, paid: int) -> float:
    """Return by how many standard deviations the points paid differ from what `spins` spins return on average."""
    difference, squared = paid - staked * par.rtp, _squared(par, spins, staked, paid)
    size = math.inf if squared is None else math.sqrt(squared)
    return math.copysign(size, difference)


def verdict(par: ParSheet, *, spins: int, staked: int, paid: int, least: int) -> Verdict:
    """Judge a return, too high or too low. Fewer spins than `least` are shown, not judged."""
    if spins < least:
        return Verdict.SHOWN
    squared = _squared(par, spins, staked, paid)
    if squared is None or squared >= DISABLE_AT**2:
        return Verdict.DISABLE
    return Verdict.WARN if squared >= WARN_AT**2 else Verdict.OK


def _squared(par: ParSheet, spins: int, staked: int, paid: int) -> Fraction | None:
    """z²; None for infinite: a table that always pays the same paid something else."""
    difference = paid - staked * par.rtp
    spread = spins * par.unit**2 * par.variance
    if spread:
        return difference**2 / spread
    return None if difference else Fraction(0)
