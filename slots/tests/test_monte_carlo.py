"""Played long enough, a paytable returns what it declares. MONTE_CARLO_SPINS says how long; `make soak` plays 10^7."""

import math
import os
from fractions import Fraction

import pytest

from slots.par import par_sheet
from slots.tests.draws import draws
from slots.tests.test_draw import CODES, TABLES

SPINS = int(os.environ.get("MONTE_CARLO_SPINS", "100000"))
POINTS = {"classic-95": 0.333, "classic-95-low": 0.293, "classic-95-high": 0.523}
"""What the return of 10,000,000 spins may differ by in 99 of 100 plays, in per cent of the stake."""
Z = 2.5758293035489004
"""99 % of a normal distribution lie within so many deviations."""


def band(code: str, spins: int) -> float:
    """What the return of so many spins may differ by, in per cent of the stake."""
    return Z * math.sqrt(par_sheet(TABLES[code]).variance / spins) * 100


@pytest.mark.parametrize("code", CODES)
def test_the_bands_are_those_of_ten_million_spins(code: str) -> None:
    assert band(code, 10**7) == pytest.approx(POINTS[code], abs=0.0005)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("code", CODES)
def test_the_return_of_many_spins_is_the_declared_one_within_its_band(code: str) -> None:
    table = TABLES[code]
    paid = sum(drawn.payout for drawn in draws(table, SPINS, label=f"monte carlo {code}"))

    off = float(Fraction(paid, SPINS * table.unit) - par_sheet(table).rtp) * 100
    print({"paytable": code, "spins": SPINS, "paid": paid, "off": round(off, 4), "band": round(band(code, SPINS), 4)})
    assert abs(off) <= min(band(code, SPINS), POINTS[code] if SPINS >= 10**7 else 100)
