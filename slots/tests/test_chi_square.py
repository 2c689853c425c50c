"""1,000,000 draws of each paytable by the product's own function: each reel shows its symbols as their weights say.

Seeds are fixed, so a run finds what the one before found. Bounds leave half a per cent on either side.
"""

from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from slots.draw import REELS
from slots.tests.draws import draws
from slots.tests.test_draw import CODES, TABLES
from tests.chances import chi_square, tail

SPINS = 1_000_000
LOWEST, HIGHEST = 0.989, 20.278  # of chi-square with seven degrees of freedom
PAIRS = list(combinations(range(REELS), 2))


@lru_cache(maxsize=len(CODES))
def shown(code: str) -> Any:
    """What each reel showed in each draw: places of symbols, an array of spins by reels."""
    table = TABLES[code]
    place = {symbol.name: number for number, symbol in enumerate(table.symbols)}
    found = (place[name] for drawn in draws(table, SPINS, label=f"chi-square {code}") for name in drawn.symbols)
    return np.fromiter(found, dtype=np.int8, count=SPINS * REELS).reshape(SPINS, REELS)


def chances(code: str) -> Any:
    table = TABLES[code]
    return np.array([symbol.weight for symbol in table.symbols]) / table.reel


def pairs_of(one: Any, other: Any, code: str) -> float:
    """Chi-square of two reels against independence; the chances of their symbols are known, so 63 degrees."""
    counts = np.bincount(one.astype(np.int64) * 8 + other, minlength=64)
    expected = np.outer(chances(code), chances(code)).ravel() * len(one)
    assert min(expected) >= 5, "too few for Pearson's approximation"
    return chi_square(counts.tolist(), expected.tolist())


def test_the_bounds_leave_half_a_per_cent_on_either_side() -> None:
    assert tail(LOWEST, 7) == pytest.approx(0.995, abs=1e-5)
    assert tail(HIGHEST, 7) == pytest.approx(0.005, abs=1e-5)
    assert tail(63.691, 40) == pytest.approx(0.01, abs=1e-5)


@pytest.mark.parametrize("code", CODES)
def test_each_reel_shows_its_symbols_as_often_as_their_weights_say(code: str) -> None:
    expected = (chances(code) * SPINS).tolist()

    found = [chi_square(np.bincount(shown(code)[:, reel], minlength=8).tolist(), expected) for reel in range(REELS)]

    assert all(LOWEST <= each <= HIGHEST for each in found), found


@pytest.mark.parametrize("code", CODES)
def test_two_reels_of_a_spin_are_independent(code: str) -> None:
    found = [tail(pairs_of(shown(code)[:, one], shown(code)[:, other], code), 63) for one, other in PAIRS]

    assert all(0.005 <= each <= 0.995 for each in found), found


@pytest.mark.parametrize("code", CODES)
def test_a_reel_is_independent_of_the_spin_before(code: str) -> None:
    found = [tail(pairs_of(shown(code)[0::2, reel], shown(code)[1::2, reel], code), 63) for reel in range(REELS)]

    assert all(0.005 <= each <= 0.995 for each in found), found


def test_control_a_reel_that_shows_its_rarest_symbol_too_often_is_found_out() -> None:
    """One spin in 2,500 shows the diamond whatever was drawn."""
    reel = shown(CODES[0])[:, 0].copy()
    reel[::2_500] = 7

    found = chi_square(np.bincount(reel, minlength=8).tolist(), (chances(CODES[0]) * SPINS).tolist())

    assert found > HIGHEST
