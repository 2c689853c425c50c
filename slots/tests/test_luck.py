"""The bound of improbable luck, against a sum of all outcomes and against the definition."""

import json
from fractions import Fraction
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slots.luck import CHANCE, RARE, SPINS, AwardClass, classes_of, improbable, least_hits
from slots.par import ParSheet, par_sheet
from slots.services.paytables import FILES, table_of

PAR = ParSheet(unit=100, tickets=1_000, odds=(), tickets_by_pay={150: 200, 1_000: 9, 5_000: 1, 9_000: 1})


def survival(spins: int, chance: Fraction, hits: int) -> Fraction:
    """P(X ≥ hits), as the textbook has it."""
    return sum((comb(spins, k) * chance**k * (1 - chance) ** (spins - k) for k in range(hits, spins + 1)), Fraction(0))


@pytest.mark.parametrize(("spins", "wins", "of"), [(3, 1, 3), (6, 1, 2), (5, 2, 7), (1, 1, 9)])
def test_the_textbooks_sum_is_a_count_of_all_outcomes(spins: int, wins: int, of: int) -> None:
    for hits in range(spins + 2):
        counted = sum(sum(ticket < wins for ticket in outcome) >= hits for outcome in product(range(of), repeat=spins))
        assert survival(spins, Fraction(wins, of), hits) == Fraction(counted, of**spins)


@given(spins=st.integers(1, 60), of=st.integers(101, 10**6), share=st.floats(0, 0.01))
def test_the_bound_is_the_least_that_is_improbable(spins: int, of: int, share: float) -> None:
    wins = max(int(of * share), 1)

    least = least_hits(spins, wins, of)

    assert survival(spins, Fraction(wins, of), least) <= CHANCE
    assert least == 0 or survival(spins, Fraction(wins, of), least - 1) > CHANCE
    assert least_hits(spins, wins * 3, of * 3) == least


@pytest.mark.parametrize(("wins", "of"), [(1, 8_000_000), (1, 1_000), (1, 100)])
def test_the_bound_of_a_full_window(wins: int, of: int) -> None:
    least, chance = least_hits(SPINS, wins, of), Fraction(wins, of)

    short = 1 - sum(comb(SPINS, k) * chance**k * (1 - chance) ** (SPINS - k) for k in range(least - 1))
    assert (
        short > CHANCE >= short - comb(SPINS, least - 1) * chance ** (least - 1) * (1 - chance) ** (SPINS - least + 1)
    )


def test_two_top_awards_in_a_thousand_spins_are_improbable_and_one_is_not() -> None:
    file = json.loads((FILES / "classic-95.json").read_text())
    par = par_sheet(table_of(json.dumps(file["table"])))

    assert improbable(par, spins=SPINS, hits_by_pay={250_000: 1, 0: SPINS - 1}) is None
    luck = improbable(par, spins=SPINS, hits_by_pay={250_000: 2, 0: SPINS - 2})
    assert luck is not None
    assert (luck.award, luck.hits, luck.least) == (AwardClass(250_000, 1, 8_000_000), 2, 2)


def test_a_class_is_all_awards_of_so_much_or_more_while_they_are_rare() -> None:
    just_rare = ParSheet(unit=100, tickets=1_000, odds=(), tickets_by_pay={5_000: 10, 1_000: 1})

    assert (Fraction(1, 100), Fraction(1, 100_000_000)) == (RARE, CHANCE)
    assert classes_of(just_rare) == (AwardClass(5_000, 10, 1_000),)
    assert classes_of(PAR) == (AwardClass(9_000, 1, 1_000), AwardClass(5_000, 2, 1_000))
    assert classes_of(ParSheet(unit=100, tickets=2, odds=(), tickets_by_pay={190: 1})) == ()


def test_one_hit_below_the_bound_is_not_improbable_and_hits_of_higher_awards_count() -> None:
    least = least_hits(100, 2, 1_000)
    top = least_hits(100, 1, 1_000)
    assert top == least - 1 or top < least

    assert improbable(PAR, spins=100, hits_by_pay={5_000: least - 1, 0: 101 - least}) is None
    luck = improbable(PAR, spins=100, hits_by_pay={5_000: least - 1, 9_000: 1, 0: 100 - least})
    assert luck is not None
    assert (luck.award.pay, luck.hits, luck.least, luck.spins) == (5_000, least, least, 100)
