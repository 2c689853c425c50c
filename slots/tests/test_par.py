"""The PAR sheet is exact: counted, never sampled, never rounded."""

from collections import Counter
from fractions import Fraction

import pytest

from slots.decimals import decimal_text
from slots.draw import parse
from slots.par import par_sheet
from slots.tests.test_draw import CLASSIC, CODES, TABLES, file_of

SMALL = parse(
    {
        "id": "small",
        "version": 1,
        "unit": 100,
        "reels": 3,
        "symbols": [{"s": "a", "w": 3, "x3": 40}, {"s": "b", "w": 2, "x3": 700}, {"s": "c", "w": 1, "x3": 0}],
        "pair": {"a": 50},
        "mixed": {"of": ["b", "c"], "pay": 90},
    }
)


@pytest.mark.parametrize("code", CODES)
def test_the_sheet_is_the_one_that_the_file_declares(code: str) -> None:
    assert par_sheet(TABLES[code]).as_json() == file_of(code)["par"]


def test_the_sheet_is_what_drawing_every_ticket_gives() -> None:
    pays = Counter(SMALL.pay(SMALL.stops(ticket)) for ticket in range(SMALL.tickets))
    returned = sum(pay * count for pay, count in pays.items())
    sheet = par_sheet(SMALL)

    assert sheet.tickets == sum(pays.values()) == 216
    assert sheet.tickets_by_pay == {pay: count for pay, count in pays.items() if pay}
    assert sheet.rtp == Fraction(returned, 100 * 216)
    assert sheet.hit_tickets == 216 - pays[0]
    assert sheet.loss_disguised_as_win_tickets == pays[40] + pays[50] + pays[90]
    mean_of_squares = Fraction(sum(pay * pay * count for pay, count in pays.items()), 100 * 100 * 216)
    assert sheet.variance == mean_of_squares - sheet.rtp**2
    assert (sheet.max_multiplier, sheet.top_award_odds) == (Fraction(7), Fraction(8, 216))


def test_the_odds_name_each_award_once_and_add_up() -> None:
    sheet = par_sheet(CLASSIC)

    assert [row.kind for row in sheet.odds] == [
        "three_diamond",
        "three_seven",
        "three_star",
        "mixed",
        "three_bell",
        "three_plum",
        "three_orange",
        "three_lemon",
        "three_cherry",
        "pair_cherry",
    ]
    assert sum(row.tickets for row in sheet.odds) == sheet.hit_tickets
    assert Fraction(sum(row.pay * row.tickets for row in sheet.odds), 100 * sheet.tickets) == Fraction(19, 20)
    assert sheet.top_award_odds == Fraction(1, 8_000_000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(150, 100), "1.5"),
        (Fraction(800, 100), "8"),
        (Fraction(250_000, 100), "2500"),
        (Fraction(1, 8), "0.125"),
        (Fraction(1, 3), "1/3"),
        (Fraction(95), "95"),
        (Fraction(10**12), "1000000000000"),
    ],
)
def test_a_fraction_is_written_exactly(value: Fraction, text: str) -> None:
    assert decimal_text(value) == text
