"""The draw: from a paytable, a seed and two nonces to a ticket, three symbols and a payout.

Pure: no Django, no clock, no database, no randomness of its own. The revealed seed gives the same result, byte for
byte. ``slots/README.md`` describes the HMAC message and the rejection of biased integers.
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

REELS = 3
SEED_BYTES = 32
CLIENT_NONCE_BYTES = 16
MAX_CLIENT_SEED_BYTES = 64

_DOMAIN = b"slots/v1\x00"
_INTEGER_RANGE = 1 << 64


class MalformedTable(ValueError):
    """The table cannot be played: a symbol is missing, a weight is not a positive integer, a pay names no symbol."""


@dataclass(frozen=True)
class Symbol:
    """A symbol: how many stops of a reel show it, and what three of it pay."""

    name: str
    weight: int
    triple_pay: int


@dataclass(frozen=True)
class Table:
    """A paytable that can be played. Pays are points for a bet of ``unit`` points."""

    code: str
    version: int
    unit: int
    symbols: tuple[Symbol, ...]
    pair_pays: Mapping[str, int]
    mixed_of: frozenset[str]
    mixed_pay: int
    canonical: bytes

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical form: the identity of the rules."""
        return hashlib.sha256(self.canonical).digest()

    @cached_property
    def reel(self) -> int:
        """Stops of one reel: the sum of the weights."""
        return sum(symbol.weight for symbol in self.symbols)

    @cached_property
    def tickets(self) -> int:
        """All equally likely outcomes: one per combination of stops."""
        return int(self.reel**REELS)

    @cached_property
    def strip(self) -> tuple[str, ...]:
        """The symbol at each stop, cumulative weights in table order."""
        return tuple(symbol.name for symbol in self.symbols for _ in range(symbol.weight))

    @cached_property
    def triple_pays(self) -> Mapping[str, int]:
        """What three of a symbol pay."""
        return {symbol.name: symbol.triple_pay for symbol in self.symbols}

    def pay(self, symbols: tuple[str, ...]) -> int:
        """Pay three symbols: the highest kind only."""
        first, second, third = symbols
        if first == second == third:
            return self.triple_pays[first]
        if self.mixed_of.issuperset(symbols):
            return self.mixed_pay
        for name, pay in self.pair_pays.items():
            if symbols.count(name) == 2:
                return pay
        return 0

    def stops(self, ticket: int) -> tuple[str, str, str]:
        """Return the symbols that a ticket shows."""
        rest, third = divmod(ticket, self.reel)
        first, second = divmod(rest, self.reel)
        return self.strip[first], self.strip[second], self.strip[third]


@dataclass(frozen=True)
class Draw:
    """The outcome of a spin."""

    ticket: int
    symbols: tuple[str, str, str]
    payout: int


def canonical_form(table: Mapping[str, Any]) -> bytes:
    """Write a table as JSON with sorted keys and no white space: the bytes that its digest is taken of."""
    return json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(table: Mapping[str, Any]) -> Table:
    """Read the ``table`` object of a paytable file. Raises MalformedTable if it cannot be played as written."""
    if table.get("reels") != REELS:
        raise MalformedTable(f"exactly {REELS} reels are played")
    symbols = tuple(
        Symbol(name=str(row["s"]), weight=_whole(row["w"], minimum=1), triple_pay=_whole(row["x3"], minimum=0))
        for row in table["symbols"]
    )
    names = [symbol.name for symbol in symbols]
    mixed = table.get("mixed") or {"of": [], "pay": 0}
    pairs = {str(name): _whole(pay, minimum=0) for name, pay in (table.get("pair") or {}).items()}
    if not names or len(set(names)) != len(names):
        raise MalformedTable("symbols must be named once each")
    if not set(names).issuperset([*pairs, *mixed["of"]]):
        raise MalformedTable("a pay names a symbol that is not on the reels")
    return Table(
        code=str(table["id"]),
        version=_whole(table["version"], minimum=1),
        unit=_whole(table["unit"], minimum=1),
        symbols=symbols,
        pair_pays=pairs,
        mixed_of=frozenset(mixed["of"]),
        mixed_pay=_whole(mixed["pay"], minimum=0),
        canonical=canonical_form(table),
    )


def commitment(seed: bytes) -> bytes:
    """Return what is published before a spin: the hash of the seed revealed after it."""
    return hashlib.sha256(seed).digest()


def draw(table: Table, *, seed: bytes, nonce: int, client_seed: str, client_nonce: bytes) -> Draw:
    """Draw one ticket, every ticket equally likely. Raises ValueError if a seed or nonce has the wrong length."""
    for integer in _integers(table.digest, seed=seed, nonce=nonce, client_seed=client_seed, client_nonce=client_nonce):
        if integer < _limit(table.tickets):
            ticket = integer % table.tickets
            symbols = table.stops(ticket)
            return Draw(ticket=ticket, symbols=symbols, payout=table.pay(symbols))
    raise AssertionError("the integers never end")


def _limit(tickets: int) -> int:
    """Return the bound from which integers are rejected, as they would favour the low tickets."""
    return _INTEGER_RANGE // tickets * tickets


def _integers(digest: bytes, *, seed: bytes, nonce: int, client_seed: str, client_nonce: bytes) -> Iterator[int]:
    """Yield 64-bit integers without end: four per HMAC-SHA256 block, blocks numbered from 0."""
    text = client_seed.encode()
    if len(seed) != SEED_BYTES or len(client_nonce) != CLIENT_NONCE_BYTES or len(text) > MAX_CLIENT_SEED_BYTES:
        raise ValueError("a seed or nonce has the wrong length")
    head = _DOMAIN + digest + struct.pack(">QH", nonce, len(text)) + text + client_nonce
    block = 0
    while True:
        yield from struct.unpack(">4Q", hmac.digest(seed, head + struct.pack(">I", block), "sha256"))
        block += 1


def _whole(value: object, *, minimum: int) -> int:
    """Return an integer; refuse booleans, floats and text."""
    if type(value) is not int or value < minimum:
        raise MalformedTable(f"{value!r} is not a whole number of at least {minimum}")
    return value
