"""The verdict on a return: exact borders, both directions, looks 10,000 spins apart."""

import math
from fractions import Fraction

import pytest

from slots.drift import LOOK_EVERY, is_look, verdict, z_of
from slots.models import Verdict
from slots.par import ParSheet

FAIR_COIN = ParSheet(unit=100, tickets=2, odds=(), tickets_by_pay={200: 1})
"""Returns 100 % with a variance of 1: after n spins z is the difference in bets by √n."""
ALWAYS_95 = ParSheet(unit=100, tickets=1, odds=(), tickets_by_pay={95: 1})
SPINS = 10_000


def judged(paid: int, *, spins: int = SPINS, least: int = SPINS, par: ParSheet = FAIR_COIN) -> Verdict:
    return verdict(par, spins=spins, staked=spins * 100, paid=paid, least=least)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("off", "found"),
    [
        (0, Verdict.OK),
        (32_999, Verdict.OK),
        (33_000, Verdict.WARN),
        (43_999, Verdict.WARN),
        (44_000, Verdict.DISABLE),
        (90_000, Verdict.DISABLE),
    ],
)
def test_a_return_is_judged_at_3_point_3_and_at_4_point_4_either_way(off: int, found: Verdict, sign: int) -> None:
    paid = SPINS * 100 + sign * off

    assert judged(paid) == found
    assert z_of(FAIR_COIN, spins=SPINS, staked=SPINS * 100, paid=paid) == pytest.approx(sign * off / 10_000)


def test_fewer_spins_than_the_least_are_shown_whatever_they_returned() -> None:
    assert judged(SPINS * 200, least=SPINS + 1) == Verdict.SHOWN
    assert judged(SPINS * 200, least=SPINS) == Verdict.DISABLE


def test_a_table_without_spread_is_off_by_any_difference() -> None:
    spins = {"spins": 10, "staked": 1_000}

    assert verdict(ALWAYS_95, **spins, paid=950, least=1) == Verdict.OK
    assert verdict(ALWAYS_95, **spins, paid=951, least=1) == Verdict.DISABLE
    assert (z_of(ALWAYS_95, **spins, paid=950), z_of(ALWAYS_95, **spins, paid=940)) == (0, -math.inf)


def test_z_is_that_of_the_published_variance() -> None:
    par = ParSheet(unit=100, tickets=4, odds=(), tickets_by_pay={380: 1})
    spins = 400
    expected = 400 * Fraction(95, 100) * 100

    assert par.variance == Fraction(380**2, 4 * 100**2) - Fraction(95, 100) ** 2
    assert z_of(par, spins=spins, staked=spins * 100, paid=int(expected) + 1_000) == pytest.approx(
        1_000 / (100 * math.sqrt(spins * float(par.variance)))
    )


@pytest.mark.parametrize(
    ("least", "looks"),
    [
        (100_000, [*range(10_000, 130_001, 10_000)]),
        (15_000, [10_000, 15_000, 25_000]),
        (200, [200, 10_200, 20_200]),
        (1, [1, 10_001]),
    ],
)
def test_looks_are_10_000_spins_apart_and_the_first_judged_one_at_the_least(least: int, looks: list[int]) -> None:
    assert LOOK_EVERY == 10_000
    assert [spins for spins in range(looks[-1] + 5) if is_look(spins, least)] == looks
