"""The stand-alone draw: every spin drawn again from its record, by the published description alone.

It is written from slots/README.md and imports nothing of the product, so that a defect of the product's draw shows.
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

SPINS = """
SELECT s.nonce, s.seed, s.client_seed, s.client_nonce, s.paytable_digest, s.ticket, s.symbols, s.payout, p.canonical
  FROM slots_spin s JOIN slots_paytable p ON p.id = s.paytable_id WHERE s.id >= %s
"""
EVERY = UUID(int=0)


def wrong_draws(database_url: str, *, first_id: UUID = EVERY) -> int:
    """Draw the spins from that id on again; return how many differ from what is stored."""
    wrong = 0
    tables: dict[str, Mapping[str, Any]] = {}
    with psycopg.connect(database_url) as connection, connection.cursor("spins") as spins:
        for *record, ticket, symbols, payout, canonical in spins.execute(SPINS, [first_id]):
            table = tables.get(canonical) or tables.setdefault(canonical, json.loads(canonical))
            wrong += drawn(table, *record) != (ticket, symbols, payout)
    return wrong


def drawn(
    table: Mapping[str, Any], nonce: int, seed: bytes, client_seed: str, client_nonce: bytes, digest: bytes
) -> tuple[int, list[str], int]:
    """Return ticket, symbols and payout of a spin; the digest must be that of the table."""
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if hashlib.sha256(canonical).digest() != digest:
        return -1, [], -1
    strip = [symbol["s"] for symbol in table["symbols"] for _ in range(symbol["w"])]
    width = len(strip)
    text = client_seed.encode()
    message = b"slots/v1\x00" + digest + struct.pack(">QH", nonce, len(text)) + text + client_nonce
    ticket = _ticket(seed, message, width**3)
    symbols = [strip[ticket // width**2], strip[ticket // width % width], strip[ticket % width]]
    return ticket, symbols, _payout(table, symbols)


def _ticket(seed: bytes, message: bytes, tickets: int) -> int:
    limit, block = 2**64 // tickets * tickets, 0
    while True:
        digest = hmac.new(seed, message + block.to_bytes(4, "big"), hashlib.sha256).digest()
        for place in range(0, 32, 8):
            number = int.from_bytes(digest[place : place + 8], "big")
            if number < limit:
                return number % tickets
        block += 1


def _payout(table: Mapping[str, Any], symbols: list[str]) -> int:
    if len(set(symbols)) == 1:
        return next(int(symbol["x3"]) for symbol in table["symbols"] if symbol["s"] == symbols[0])
    if set(symbols) <= set(table["mixed"]["of"]):
        return int(table["mixed"]["pay"])
    return sum(int(pay) for name, pay in table["pair"].items() if symbols.count(name) == 2)
