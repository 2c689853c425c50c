"""The draw is a pure function, equal to the published vectors, fair to every ticket."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slots import draw as drawing
from slots.draw import MAX_CLIENT_SEED_BYTES, MalformedTable, Table, commitment, draw, parse
from slots.services.paytables import FILES

CODES = ("classic-95", "classic-95-low", "classic-95-high")
VECTORS: list[dict[str, Any]] = json.loads((FILES / "vectors.json").read_text())
SEED = bytes(range(32))
NONCE = bytes(16)


def file_of(code: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FILES / f"{code}.json").read_text())
    return found


TABLES: dict[str, Table] = {code: parse(file_of(code)["table"]) for code in CODES}
CLASSIC = TABLES["classic-95"]
client_seeds = st.text(max_size=MAX_CLIENT_SEED_BYTES).filter(
    lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text) and len(text.encode()) <= 64
)
inputs = {
    "table": st.sampled_from(list(TABLES.values())),
    "seed": st.binary(min_size=32, max_size=32),
    "nonce": st.integers(0, 2**63 - 1),
    "client_seed": client_seeds,
    "client_nonce": st.binary(min_size=16, max_size=16),
}


def test_all_published_vectors_are_here() -> None:
    assert len(VECTORS) == 45
    assert {vector["paytable"] for vector in VECTORS} == set(CODES)


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['paytable']}-{n}" for n, v in enumerate(VECTORS)])
def test_a_published_draw_is_reproduced(vector: dict[str, Any]) -> None:
    seed = bytes.fromhex(vector["seedHex"])

    drawn = draw(
        TABLES[vector["paytable"]],
        seed=seed,
        nonce=vector["nonce"],
        client_seed=vector["clientSeed"],
        client_nonce=bytes.fromhex(vector["clientNonceHex"]),
    )

    assert commitment(seed).hex() == vector["commitment"]
    assert (drawn.ticket, list(drawn.symbols), drawn.payout) == (vector["ticket"], vector["symbols"], vector["pay"])


@pytest.mark.parametrize("code", CODES)
def test_a_table_has_the_digest_that_its_file_declares(code: str) -> None:
    assert TABLES[code].digest.hex() == file_of(code)["canonicalSha256"]


@given(**inputs)
def test_a_draw_is_a_ticket_of_the_table_and_pays_what_its_symbols_pay(
    table: Table, seed: bytes, nonce: int, client_seed: str, client_nonce: bytes
) -> None:
    drawn = draw(table, seed=seed, nonce=nonce, client_seed=client_seed, client_nonce=client_nonce)

    assert 0 <= drawn.ticket < table.tickets == 8_000_000
    assert drawn.symbols == table.stops(drawn.ticket)
    assert drawn.payout == table.pay(drawn.symbols)


@given(**inputs)
def test_the_same_inputs_give_the_same_draw(
    table: Table, seed: bytes, nonce: int, client_seed: str, client_nonce: bytes
) -> None:
    first, second = (
        draw(table, seed=seed, nonce=nonce, client_seed=client_seed, client_nonce=client_nonce) for _ in range(2)
    )

    assert first == second


def test_every_input_moves_the_ticket() -> None:
    usual: dict[str, Any] = {"seed": SEED, "nonce": 0, "client_seed": "a", "client_nonce": NONCE}
    other = {"seed": SEED[::-1], "nonce": 1, "client_seed": "b", "client_nonce": b"\x01" * 16}

    tickets = [draw(CLASSIC, **usual).ticket, *(draw(CLASSIC, **{**usual, name: other[name]}).ticket for name in other)]
    tickets.append(draw(TABLES["classic-95-low"], **usual).ticket)

    assert len(set(tickets)) == len(tickets)


def test_a_client_seed_and_nonce_cannot_be_shifted_into_each_other() -> None:
    one = draw(CLASSIC, seed=SEED, nonce=0, client_seed="a", client_nonce=b"b" * 16)
    two = draw(CLASSIC, seed=SEED, nonce=0, client_seed="ab", client_nonce=b"b" * 15 + b"\x00")

    assert one != two


def test_integers_that_would_favour_low_tickets_are_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 2**64 // CLASSIC.tickets * CLASSIC.tickets
    monkeypatch.setattr(drawing, "_integers", lambda *_, **__: iter([limit, 2**64 - 1, limit - 1]))

    drawn = draw(CLASSIC, seed=SEED, nonce=0, client_seed="", client_nonce=NONCE)

    assert drawn.ticket == CLASSIC.tickets - 1


def test_integers_go_on_into_the_next_block() -> None:
    integers = drawing._integers(CLASSIC.digest, seed=SEED, nonce=0, client_seed="", client_nonce=NONCE)

    assert len({next(integers) for _ in range(9)}) == 9


def test_many_draws_come_out_as_the_odds_say() -> None:
    spins, paid, hits = 40_000, 0, 0
    for nonce in range(spins):
        payout = draw(CLASSIC, seed=SEED, nonce=nonce, client_seed="odds", client_nonce=NONCE).payout
        paid, hits = paid + payout, hits + (payout > 0)

    deviation = (24_199 / 100_000 * (1 - 24_199 / 100_000) / spins) ** 0.5
    assert abs(hits / spins - 24_199 / 100_000) < 4 * deviation
    assert abs(paid / spins / 100 - 0.95) < 4 * (67_033 / 4_000 / spins) ** 0.5


def test_each_ticket_belongs_to_one_combination_of_stops() -> None:
    last = CLASSIC.tickets - 1

    assert CLASSIC.stops(0) == ("cherry", "cherry", "cherry")
    assert CLASSIC.stops(last) == ("diamond", "diamond", "diamond")
    assert CLASSIC.stops(199) == ("cherry", "cherry", "diamond")
    assert CLASSIC.stops(200 * 60) == ("cherry", "lemon", "cherry")
    assert CLASSIC.stops(40_000 * 60) == ("lemon", "cherry", "cherry")


@pytest.mark.parametrize(
    ("symbols", "pay"),
    [
        (("cherry", "cherry", "cherry"), 800),
        (("cherry", "cherry", "diamond"), 150),
        (("cherry", "star", "cherry"), 150),
        (("bell", "cherry", "cherry"), 150),
        (("cherry", "bell", "bell"), 0),
        (("star", "star", "star"), 25_000),
        (("star", "star", "seven"), 10_000),
        (("diamond", "seven", "star"), 10_000),
        (("diamond", "diamond", "diamond"), 250_000),
        (("lemon", "orange", "plum"), 0),
    ],
)
def test_only_the_highest_kind_pays(symbols: tuple[str, str, str], pay: int) -> None:
    assert CLASSIC.pay(symbols) == pay


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": b"short"},
        {"client_nonce": b"short"},
        {"client_seed": "x" * 65},
        {"client_seed": "é" * 33},
    ],
)
def test_inputs_of_the_wrong_length_are_refused(wrong: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"seed": SEED, "nonce": 0, "client_seed": "", "client_nonce": NONCE}

    with pytest.raises(ValueError, match="length"):
        draw(CLASSIC, **{**usual, **wrong})


SYMBOL = {"s": "cherry", "w": 1, "x3": 800}


@pytest.mark.parametrize(
    "change",
    [
        {"reels": 4},
        {"symbols": []},
        {"symbols": [SYMBOL, SYMBOL]},
        {"symbols": [{**SYMBOL, "w": 0}]},
        {"symbols": [{**SYMBOL, "w": 1.5}]},
        {"symbols": [{**SYMBOL, "w": True}]},
        {"symbols": [{**SYMBOL, "x3": -1}]},
        {"pair": {"plum": 100}},
        {"mixed": {"of": ["plum"], "pay": 1}},
        {"unit": 0},
        {"version": "1"},
    ],
)
def test_a_table_that_cannot_be_played_is_refused(change: dict[str, Any]) -> None:
    sound = {"id": "one", "version": 1, "unit": 100, "reels": 3, "symbols": [SYMBOL]}
    assert parse(sound).tickets == 1

    with pytest.raises(MalformedTable):
        parse({**sound, **change})
