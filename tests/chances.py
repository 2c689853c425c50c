"""How likely a count is: Pearson's chi-square and its exact tail. Pure, in floating point of double precision."""

import math
from collections.abc import Sequence


def chi_square(counts: Sequence[float], expected: Sequence[float]) -> float:
    """Pearson's statistic of counts against what was expected of each."""
    return sum((count - mean) ** 2 / mean for count, mean in zip(counts, expected, strict=True))


def tail(statistic: float, degrees: int) -> float:
    """The chance that chi-square with these degrees of freedom is at least `statistic`.

    The regularised upper gamma function Q(degrees / 2, statistic / 2), built up from Q(1/2) or Q(1) by
    Q(a + 1, x) = Q(a, x) + x^a e^-x / Γ(a + 1) (DLMF 8.8.6).
    """
    x = statistic / 2
    if x <= 0:
        return 1.0
    order, chance = (0.5, math.erfc(math.sqrt(x))) if degrees % 2 else (1.0, math.exp(-x))
    while order < degrees / 2:
        chance += math.exp(order * math.log(x) - x - math.lgamma(order + 1))
        order += 1
    return chance
