"""Volatility: the index of PAR sheets, and the exact result of some spins beside a plain count of every outcome."""

import json
import math
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from slots import volatility
from slots.draw import parse
from slots.par import ParSheet, par_sheet
from slots.services.paytables import FILES


def shipped(code: str) -> ParSheet:
    return par_sheet(parse(json.loads((FILES / f"{code}.json").read_text())["table"]))


def sheet(tickets_by_pay: dict[int, int], *, tickets: int, unit: int = 100) -> ParSheet:
    return ParSheet(unit=unit, tickets=tickets, odds=(), tickets_by_pay=tickets_by_pay)


def counted(par: ParSheet, spins: int) -> Counter[int]:
    """In how many of all ways each net result comes about, by adding up one spin after another."""
    one = Counter(par.tickets_by_pay) + Counter({0: par.tickets - par.hit_tickets})
    net = Counter({0: 1})
    for _ in range(spins):
        after: Counter[int] = Counter()
        for sum_so_far, ways in net.items():
            for pay, tickets in one.items():
                after[sum_so_far + pay - par.unit] += ways * tickets
        net = after
    return net


def quantile(net: Counter[int], share: Fraction) -> int:
    seen, every = 0, sum(net.values())
    for value in sorted(net):
        seen += net[value]
        if seen >= share * every:
            return value
    raise AssertionError("unreachable")


@pytest.mark.parametrize("spins", [1, 2, 7, 30])
@pytest.mark.parametrize(
    "par",
    [
        sheet({150: 200, 800: 30, 50: 10}, tickets=1_000),
        sheet({90: 400, 130: 100}, tickets=500),
        sheet({95: 10}, tickets=10),
        sheet({7: 3, 11: 2}, tickets=8, unit=5),
    ],
    ids=["usual", "every ticket pays", "one pay", "small"],
)
def test_it_is_what_counting_every_outcome_gives(par: ParSheet, spins: int) -> None:
    net = counted(par, spins)
    shares = [Fraction(each, 100) for each in (5, 25, 50, 75, 95)]

    found = volatility.net_points(par, spins)

    assert found is not None
    ends = [found.low, found.lower, found.median, found.upper, found.high]
    assert ends == [quantile(net, share) for share in shares]
    assert found.ahead == Fraction(sum(ways for value, ways in net.items() if value > 0), par.tickets**spins)


@pytest.mark.parametrize(
    ("code", "ends", "ahead"),
    [
        ("classic-95", (-5_300, -3_150, -1_250, 1_300, 6_650), 0.3561),
        ("classic-95-low", (-5_050, -2_800, -950, 1_200, 5_500), 0.3728),
        ("classic-95-high", (-5_500, -3_250, -1_200, 1_300, 6_500), 0.3614),
    ],
)
def test_the_shipped_tables_after_an_hours_spins(code: str, ends: tuple[int, ...], ahead: float) -> None:
    found: Any = volatility.net_points(shipped(code))

    assert (found.low, found.lower, found.median, found.upper, found.high) == ends
    assert float(found.ahead) == pytest.approx(ahead, abs=5e-5)


def test_the_index_is_that_of_par_sheets() -> None:
    par = shipped("classic-95-low")

    assert volatility.deviation(par) ** 2 == pytest.approx(51_751 / 4_000)
    assert volatility.index(par) == pytest.approx(1.65 * math.sqrt(51_751 / 4_000))
    low, high = volatility.return_range(par, 10_000)
    assert (low, high) == pytest.approx((0.95 - volatility.index(par) / 100, 0.95 + volatility.index(par) / 100))
    assert volatility.return_range(par, 1)[0] == 0, "a return is not below nothing"


def test_a_table_of_too_many_sums_is_left_out() -> None:
    assert volatility.net_points(sheet({9_999_999: 19, 1: 1}, tickets=2_000_000, unit=1_000)) is None
