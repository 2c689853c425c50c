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
    """Of one test over many sequences. `of`: how many P-values it has of each; `uniformity`: the least of them."""

    of: int
    sequences: int
    passed: int
    least: float
    uniformity: float

    @property
    def holds(self) -> bool:
        return self.passed >= self.least and self.uniformity >= LEAST_UNIFORMITY

    @property
    def figures(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "of": self.of,
            "sequences": self.sequences,
            "passed": self.passed,
            "least": round(self.least, 3),
        }
        return facts | {"uniformity": round(self.uniformity, 6), "holds": self.holds}


def judged(found: Sequence[Sequence[float]]) -> Verdict:
    """Judge a test by its P-values of each sequence.

    Where it has several of each, a sequence passes by the smallest, corrected after Bonferroni: random ones fail with
    no more than ALPHA, however the several depend on each other. Each of them must be uniform over the sequences.

    Raises:
        AssertionError: too few sequences for a verdict.
    """
    of = len(found[0])
    passed = sum(min(values) * of >= ALPHA for values in found)
    even = min(uniformity(values) for values in zip(*found, strict=True))
    return Verdict(of, len(found), passed, least_passed(len(found)), even)


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
