"""The published figures of each paytable, found twice more: by fractions over 512 combinations, by 8,000,000 tickets.

Both read the file by `slots/paytables`' own rules and use nothing of `slots.draw` or `slots.par`, which are compared.
"""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slots import draw as drawing
from slots.draw import parse
from slots.par import par_sheet
from slots.tests.test_draw import CODES, SEED, TABLES, file_of

Rules = Mapping[str, Any]
REELS = 3


def pay_of(rules: Rules, shown: tuple[str, ...]) -> int:
    """The pay of three symbols: the highest kind only."""
    mixed, pairs = rules.get("mixed", {"of": [], "pay": 0}), rules.get("pair", {})
    if len(set(shown)) == 1:
        return next(int(symbol["x3"]) for symbol in rules["symbols"] if symbol["s"] == shown[0])
    if all(name in mixed["of"] for name in shown):
        return int(mixed["pay"])
    return next((int(pay) for name, pay in pairs.items() if shown.count(name) == 2), 0)


def chances_by_fractions(rules: Rules) -> dict[int, Fraction]:
    """The chance of each pay, over the combinations of symbols."""
    stops = sum(symbol["w"] for symbol in rules["symbols"])
    chances: defaultdict[int, Fraction] = defaultdict(Fraction)
    for three in product(rules["symbols"], repeat=REELS):
        chance = Fraction(1)
        for symbol in three:
            chance *= Fraction(symbol["w"], stops)
        chances[pay_of(rules, tuple(symbol["s"] for symbol in three))] += chance
    return chances


def pays_of_all_tickets(rules: Rules) -> Any:
    """An array of the pay of every ticket, in order."""
    names = [symbol["s"] for symbol in rules["symbols"]]
    strip = np.repeat(np.arange(len(names), dtype=np.int8), [symbol["w"] for symbol in rules["symbols"]])
    tickets = np.arange(len(strip) ** REELS, dtype=np.int32)
    shown = [strip[tickets // len(strip) ** place % len(strip)] for place in range(REELS)]

    pays = np.zeros(len(tickets), dtype=np.int32)
    for name, pay in rules.get("pair", {}).items():
        pays[sum((reel == names.index(name)).astype(np.int8) for reel in shown) == 2] = pay
    if "mixed" in rules:
        of = np.array([name in rules["mixed"]["of"] for name in names])
        pays[of[shown[0]] & of[shown[1]] & of[shown[2]]] = rules["mixed"]["pay"]
    triples = np.array([symbol["x3"] for symbol in rules["symbols"]], dtype=np.int32)
    alike = (shown[0] == shown[1]) & (shown[1] == shown[2])
    pays[alike] = triples[shown[0][alike]]
    return pays


def sheet_of(chances: Mapping[int, Fraction], *, unit: int, tickets: int) -> dict[str, Any]:
    """A PAR sheet in the form of the files."""
    counts = {pay: chance * tickets for pay, chance in sorted(chances.items()) if pay}
    mean = sum((chance * pay / unit for pay, chance in chances.items()), Fraction(0))
    squares = sum((chance * pay * pay / unit**2 for pay, chance in chances.items()), Fraction(0))
    return {
        "tickets": tickets,
        "rtp": str(mean),
        "hitTickets": sum(counts.values()),
        "hitFrequency": str(Fraction(sum(counts.values()), tickets)),
        "variance": str(squares - mean**2),
        "lossDisguisedAsWinTickets": sum(count for pay, count in counts.items() if pay < unit),
        "maxMultiplier": str(Fraction(max(counts), unit)),
        "ticketsByPay": {str(pay): count for pay, count in counts.items()},
    }


@pytest.mark.parametrize("code", CODES)
def test_combinations_by_fractions_give_the_published_figures(code: str) -> None:
    file = file_of(code)
    chances = chances_by_fractions(file["table"])

    assert sum(chances.values()) == 1
    assert len(file["table"]["symbols"]) ** REELS == 512
    assert sheet_of(chances, unit=file["table"]["unit"], tickets=8_000_000) == file["par"]


@pytest.mark.parametrize("code", CODES)
def test_all_tickets_give_the_published_figures(code: str) -> None:
    file = file_of(code)
    pays, counts = np.unique(pays_of_all_tickets(file["table"]), return_counts=True)
    chances = {int(pay): Fraction(int(count), 8_000_000) for pay, count in zip(pays, counts, strict=True)}

    assert sum(counts) == 8_000_000
    assert sheet_of(chances, unit=file["table"]["unit"], tickets=8_000_000) == file["par"]
    assert Fraction(file["par"]["rtp"]) == Fraction(19, 20)


@pytest.mark.parametrize("code", CODES)
def test_the_draw_pays_each_ticket_as_both_do(code: str) -> None:
    """All combinations, and of the tickets each 997th: a prime, so that every stop of every reel is among them."""
    rules, table = file_of(code)["table"], TABLES[code]
    pays = pays_of_all_tickets(rules)
    names = [symbol["s"] for symbol in rules["symbols"]]
    some = range(0, table.tickets, 997)

    assert all(table.pay(shown) == pay_of(rules, shown) for shown in product(names, repeat=REELS))
    assert [table.pay(table.stops(ticket)) for ticket in some] == [int(pays[ticket]) for ticket in some]


# --- scaling ------------------------------------------------------------------------------------------------


@st.composite
def small_tables(build: st.DrawFn) -> dict[str, Any]:
    """Any rules with up to four symbols."""
    names = ["cherry", "lemon", "bell", "star"][: build(st.integers(1, 4))]
    pays, some = st.integers(0, 5_000), st.lists(st.sampled_from(names), min_size=1, unique=True)
    return {
        "id": "small",
        "version": 1,
        "unit": build(st.integers(1, 200)),
        "reels": REELS,
        "symbols": [{"s": name, "w": build(st.integers(1, 30)), "x3": build(pays)} for name in names],
        "pair": {name: build(pays) for name in build(some)},
        "mixed": {"of": build(some), "pay": build(pays)},
    }


def scaled(rules: Rules, *, pays: int = 1, weights: int = 1) -> dict[str, Any]:
    """The same rules with pays and bet, or weights, so many times as large."""
    return {
        **rules,
        "unit": rules["unit"] * pays,
        "symbols": [{"s": row["s"], "w": row["w"] * weights, "x3": row["x3"] * pays} for row in rules["symbols"]],
        "pair": {name: pay * pays for name, pay in rules["pair"].items()},
        "mixed": {"of": rules["mixed"]["of"], "pay": rules["mixed"]["pay"] * pays},
    }


@given(rules=small_tables(), times=st.integers(2, 1_000))
def test_pays_and_bet_scaled_alike_return_the_same(rules: dict[str, Any], times: int) -> None:
    one, many = par_sheet(parse(rules)), par_sheet(parse(scaled(rules, pays=times)))

    assert (many.rtp, many.hit_frequency, many.variance) == (one.rtp, one.hit_frequency, one.variance)
    assert many.max_multiplier == one.max_multiplier
    assert many.loss_disguised_as_win_tickets == one.loss_disguised_as_win_tickets
    assert many.tickets_by_pay == {pay * times: count for pay, count in one.tickets_by_pay.items()}


@given(rules=small_tables(), times=st.integers(2, 12))
def test_weights_scaled_alike_return_the_same_of_more_tickets(rules: dict[str, Any], times: int) -> None:
    one, many = par_sheet(parse(rules)), par_sheet(parse(scaled(rules, weights=times)))

    assert (many.rtp, many.hit_frequency, many.variance) == (one.rtp, one.hit_frequency, one.variance)
    assert many.tickets_by_pay == {pay: count * times**3 for pay, count in one.tickets_by_pay.items()}


@given(tickets=st.one_of(st.just(8_000_000), st.integers(1, drawing.MAX_STOPS**REELS)))
def test_words_scaled_down_to_tickets_give_each_ticket_as_many(tickets: int) -> None:
    """Below the limit lie whole rounds of all tickets, and no further round fits into 64 bits."""
    limit = drawing._limit(tickets)

    assert limit % tickets == 0
    assert limit <= 2**64 < limit + tickets


@pytest.mark.parametrize("code", CODES)
def test_the_words_at_the_ends_of_a_round_are_the_first_and_the_last_ticket(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, limit = TABLES[code], drawing._limit(8_000_000)
    words = [0, 7_999_999, 8_000_000, limit - 8_000_000, limit - 1]
    tickets = []
    for word in words:
        monkeypatch.setattr(drawing, "_integers", lambda *_, word=word, **__: iter([word]))
        tickets.append(drawing.draw(table, seed=SEED, nonce=0, client_seed="", client_nonce=bytes(16)).ticket)

    assert tickets == [0, 7_999_999, 0, 0, 7_999_999]
