"""How far results of a paytable spread: the index of PAR sheets, and the exact result of a number of spins. Pure.

``INDEX_Z`` times the standard deviation is the volatility index of PAR sheets for 90 % confidence: after n spins the
return lies within index / √n of the long-run return, 90 times in 100 (A. Lucas and J. Kilby, *Principles of Casino
Operations Management*). That is a normal curve, right for many spins; for few the distribution itself is counted here.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from slots.par import ParSheet

INDEX_Z = 1.65
"""Of the 90 % interval, as PAR sheets round it."""
SPINS = 100
MOST_STEPS = 20_000
"""So many different sums are counted at most: a table whose pays have no common measure may need more."""
QUANTILES = (Fraction(5, 100), Fraction(25, 100), Fraction(50, 100), Fraction(75, 100), Fraction(95, 100))


@dataclass(frozen=True)
class NetPoints:
    """The net result of ``spins`` spins in points: of 100 players 90 end within ``low`` and ``high``, 50 within
    ``lower`` and ``upper``. ``ahead`` is the chance to end above 0.
    """

    spins: int
    low: int
    lower: int
    median: int
    upper: int
    high: int
    ahead: Fraction


def deviation(par: ParSheet) -> float:
    """Return the standard deviation of a spin's payout, in bets."""
    return math.sqrt(par.variance)


def index(par: ParSheet) -> float:
    """Return the volatility index for 90 % confidence."""
    return INDEX_Z * deviation(par)


def return_range(par: ParSheet, spins: int) -> tuple[float, float]:
    """Return where the return of so many spins lies 90 times in 100, by the index."""
    half = index(par) / math.sqrt(spins)
    return max(0.0, float(par.rtp) - half), float(par.rtp) + half


def net_points(par: ParSheet, spins: int = SPINS) -> NetPoints | None:
    """Return the exact distribution's quantiles; None if it has too many steps to be counted."""
    counts = {0: par.tickets - par.hit_tickets} | par.tickets_by_pay
    counts = {pay: count for pay, count in counts.items() if count}
    least = min(counts)
    step = math.gcd(*(pay - least for pay in counts)) or 1
    tickets = {(pay - least) // step: count for pay, count in counts.items()}
    every, staked, ends = par.tickets**spins, par.unit * spins, list[int]()
    seen, not_ahead = 0, 0
    for place, count in enumerate(_power(tickets, spins)):
        net = spins * least + place * step - staked
        seen += count
        not_ahead = seen if net <= 0 else not_ahead
        ends += [net for quantile in QUANTILES[len(ends) :] if seen >= quantile * every]
        if len(ends) == len(QUANTILES) and net >= 0:
            break
        if place >= MOST_STEPS:
            return None
    low, lower, median, upper, high = ends
    return NetPoints(spins, low, lower, median, upper, high, ahead=1 - Fraction(not_ahead, every))


def _power(counts: dict[int, int], times: int) -> Iterator[int]:
    """Yield the coefficients of (Σ counts[i] xⁱ) to a power, from x⁰ on: in how many ways draws add up to each sum.

    By the recurrence of J. C. P. Miller (D. Knuth, *The Art of Computer Programming*, vol. 2, §4.7), in whole numbers.
    """
    first, steps = counts[0], sorted(step for step in counts if step)
    found: list[int] = [first**times]
    yield found[0]
    last = times * (steps[-1] if steps else 0)
    for place in range(1, last + 1):
        total = sum((step * (times + 1) - place) * counts[step] * found[place - step] for step in _up_to(steps, place))
        found.append(total // (place * first))
        yield found[place]


def _up_to(steps: Sequence[int], most: int) -> Iterator[int]:
    for step in steps:
        if step > most:
            return
        yield step
