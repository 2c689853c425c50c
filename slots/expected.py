"""What a number of spins returns and hits on average by their paytables, and how far off that may be.

Pure. Means and variances are exact fractions; only what is compared with a quantile is rounded.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from slots.par import ParSheet

Z99 = NormalDist().inv_cdf(0.995)
"""Inside of this many deviations on either side lie 99 % of all returns."""
TAIL = 0.005
FEW_HITS = 20
"""Under this many expected hits the normal curve is no use; the range is the binomial one then."""


@dataclass(frozen=True)
class Expectation:
    """The mean and the variance of the points paid for ``staked`` points, over any paytables."""

    staked: int = 0
    mean: Fraction = Fraction(0)
    variance: Fraction = Fraction(0)

    @classmethod
    def of(cls, par: ParSheet, *, spins: int, staked: int) -> "Expectation":
        return cls(staked, staked * par.rtp, spins * par.unit**2 * par.variance)

    def __add__(self, other: "Expectation") -> "Expectation":
        return Expectation(self.staked + other.staked, self.mean + other.mean, self.variance + other.variance)

    @property
    def rtp(self) -> Fraction | None:
        """Points returned per point staked, each paytable weighted by what was staked with it; None without a stake."""
        return self.mean / self.staked if self.staked else None

    def band(self, z: float = Z99) -> tuple[float, float] | None:
        """The returns that are `z` deviations below and above the expected one; None without a stake."""
        if not self.staked:
            return None
        middle, width = float(self.mean / self.staked), z * math.sqrt(self.variance) / self.staked
        return middle - width, middle + width

    def z(self, paid: int) -> float | None:
        """By how many deviations the points paid are off; None where nothing can be."""
        return float(paid - self.mean) / math.sqrt(self.variance) if self.variance else None


@dataclass(frozen=True)
class KindExpectation:
    """The mean and the variance of the hits of one kind of award in ``spins`` spins."""

    spins: int = 0
    mean: Fraction = Fraction(0)
    variance: Fraction = Fraction(0)

    @classmethod
    def of(cls, *, spins: int, chance: Fraction) -> "KindExpectation":
        return cls(spins, spins * chance, spins * chance * (1 - chance))

    def __add__(self, other: "KindExpectation") -> "KindExpectation":
        return KindExpectation(self.spins + other.spins, self.mean + other.mean, self.variance + other.variance)

    def range(self) -> tuple[float, float]:
        """The hits of 99 % of all series: whole numbers under ``FEW_HITS``, from the binomial of the mean chance."""
        if self.mean < FEW_HITS:
            return binomial_range(self.spins, float(self.mean / self.spins) if self.spins else 0.0)
        width = Z99 * math.sqrt(self.variance)
        return max(0.0, float(self.mean) - width), float(self.mean) + width


def binomial_range(spins: int, chance: float) -> tuple[int, int]:
    """The least and the most hits, each missed by at most ``TAIL`` of all series. Only for few expected hits."""
    if chance >= 1:
        return spins, spins
    exactly = math.exp(spins * math.log1p(-chance))
    most, below = 0, exactly
    least = 0
    while below < 1 - TAIL and most < spins:
        if below < TAIL:
            least = most + 1
        exactly *= (spins - most) / (most + 1) * chance / (1 - chance)
        most += 1
        below += exactly
    return least, most
