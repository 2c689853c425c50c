"""What SP 800-22 says of many sequences: the share that pass (section 4.2.1), and how their P-values lie (4.2.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chances import chi_square, tail

ALPHA = 0.01
"""A sequence passes a test with a P-value of at least this."""
BINS, LEAST_UNIFORMITY, LEAST_VALUES = 10, 0.0001, 55


@dataclass(frozen=True)
class Verdict:
    """Of one test over many sequences. `uniformity`: None where P-values of this test need not be uniform."""

    sequences: int
    passed: int
    least: float
    uniformity: float | None

    @property
    def holds(self) -> bool:
        uniform = self.uniformity is None or self.uniformity >= LEAST_UNIFORMITY
        return self.passed >= self.least and uniform

    @property
    def figures(self) -> dict[str, object]:
        even = None if self.uniformity is None else round(self.uniformity, 6)
        facts = {"sequences": self.sequences, "passed": self.passed, "least": round(self.least, 3)}
        return facts | {"uniformity": even, "holds": self.holds}


def judged(smallest: Sequence[float], *, of: int) -> Verdict:
    """Judge a test by its P-value of each sequence, or by the smallest `of` several.

    The smallest of several is corrected after Bonferroni: below ALPHA in no more than ALPHA of random sequences,
    however the several depend on each other. Its distribution is not uniform, so 4.2.2 does not speak of it.
    """
    passed = sum(min(1.0, value * of) >= ALPHA for value in smallest)
    return Verdict(len(smallest), passed, least_passed(len(smallest)), uniformity(smallest) if of == 1 else None)


def least_passed(sequences: int) -> float:
    """How many sequences must pass: no fewer than three deviations below what is expected."""
    return sequences * (1 - ALPHA) - 3 * math.sqrt(ALPHA * (1 - ALPHA) * sequences)


def uniformity(values: Sequence[float]) -> float:
    """The P-value of the P-values: chi-square of their ten equal bins.

    Raises:
        AssertionError: too few for a verdict (4.2.2 asks for 55).
    """
    assert len(values) >= LEAST_VALUES, f"{len(values)} sequences are too few"
    counts = [0] * BINS
    for value in values:
        counts[min(int(value * BINS), BINS - 1)] += 1
    return tail(chi_square(counts, [len(values) / BINS] * BINS), BINS - 1)
