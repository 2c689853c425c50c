"""The judgement over many sequences, without the suite that gives their P-values: that one needs a compiler."""

import random

import numpy as np
import pytest

from tests.soak import several
from tests.soak.judging import judged, least_passed, uniformity

EVEN = [(number + 0.5) / 100 for number in range(100)]
SEVERAL = {
    several.templates: 148, several.serial: 2, several.cumulative_sums: 2, several.random_excursions: 8,
    several.random_excursions_variant: 18,
}  # fmt: skip


def alone(values: list[float]) -> list[list[float]]:
    return [[value] for value in values]


def test_of_a_hundred_sequences_ninety_seven_must_pass() -> None:
    assert least_passed(100) == pytest.approx(96.015, abs=0.001)
    assert least_passed(1_000) == pytest.approx(980.56, abs=0.01)  # the example of section 4.2.1


def test_even_p_values_hold_and_one_too_many_small_ones_do_not() -> None:
    assert judged(alone(EVEN)).holds
    assert judged(alone([0.001] * 3 + EVEN[3:])).holds
    assert not judged(alone([0.001] * 4 + EVEN[4:])).holds


def test_p_values_that_crowd_do_not_hold_though_all_pass() -> None:
    crowded = [0.5 + value / 10 for value in EVEN]

    assert uniformity(crowded) < 1e-100
    assert not judged(alone(crowded)).holds


def test_the_smallest_of_several_is_corrected_and_each_of_them_is_uniform() -> None:
    """Of 148 independent P-values one lies below a hundredth in three of four sequences, and that is no fault."""
    source = random.Random(7)
    found = [[source.random() for _ in range(148)] for _ in range(100)]

    verdict = judged(found)

    assert sum(min(values) < 0.01 for values in found) > 50
    assert (verdict.holds, verdict.of, verdict.passed) == (True, 148, 99)
    assert not judged([[value / 100 for value in values] for values in found]).holds
    assert not judged([[*values[1:], EVEN[0]] for values in found]).holds


def test_too_few_sequences_are_no_verdict() -> None:
    with pytest.raises(AssertionError, match="too few"):
        judged(alone(EVEN[:54]))


# --- the P-values of which the suite returns the smallest; `make soak` compares them ------------------------------


def test_the_example_of_the_standard() -> None:
    """Section 2.13.8: the first hundred binary digits of pi."""
    pi = "1100100100001111110110101010001000100001011010001100001000110100110001001100011001100010100010111000"
    forwards, backwards = several.cumulative_sums(bytes(map(int, pi)))

    assert forwards == pytest.approx(0.219194, abs=1e-5)
    assert backwards == pytest.approx(0.114866, abs=1e-5)


def test_each_gives_all_its_p_values_and_finds_a_bias_out() -> None:
    source = np.random.Generator(np.random.PCG64(7))
    even = source.integers(0, 2, 1_000_000, dtype=np.uint8).tobytes()
    biased = (source.random(1_000_000) < 0.51).astype(np.uint8).tobytes()

    for values_of, count in SEVERAL.items():
        values = values_of(even)
        assert len(values) == count
        assert all(0 <= value <= 1 for value in values)
        assert min(values) * count >= 0.01, values_of.__name__
    for values_of in (several.templates, several.serial, several.cumulative_sums):
        assert min(values_of(biased)) * SEVERAL[values_of] < 0.01, values_of.__name__
