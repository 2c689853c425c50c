"""The judgement over many sequences, without the suite that gives their P-values: that one needs a compiler."""

import random

import pytest

from tests.soak.judging import judged, least_passed, uniformity

EVEN = [(number + 0.5) / 100 for number in range(100)]


def test_of_a_hundred_sequences_ninety_seven_must_pass() -> None:
    assert least_passed(100) == pytest.approx(96.015, abs=0.001)
    assert least_passed(1_000) == pytest.approx(980.56, abs=0.01)  # the example of section 4.2.1


def test_even_p_values_hold_and_one_too_many_small_ones_do_not() -> None:
    few = [0.001] * 3 + EVEN[3:]
    assert judged(EVEN, of=1).holds
    assert judged(few, of=1).holds
    assert not judged([*few[:3], 0.001, *few[4:]], of=1).holds


def test_p_values_that_crowd_do_not_hold_though_all_pass() -> None:
    crowded = [0.5 + value / 10 for value in EVEN]

    assert uniformity(crowded) < 1e-100
    assert not judged(crowded, of=1).holds


def test_the_smallest_of_several_is_corrected() -> None:
    """Of 148 independent P-values one lies below a hundredth in three of four sequences, and that is no fault."""
    source = random.Random(7)
    smallest = [min(source.random() for _ in range(148)) for _ in range(100)]

    verdict = judged(smallest, of=148)

    assert sum(value < 0.01 for value in smallest) > 50
    assert (verdict.holds, verdict.uniformity) == (True, None)
    assert not judged([value / 100 for value in smallest], of=148).holds


def test_too_few_sequences_are_no_verdict() -> None:
    with pytest.raises(AssertionError, match="too few"):
        judged(EVEN[:54], of=1)
