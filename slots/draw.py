"""The draw: from a paytable, a seed and two nonces to a ticket, three symbols and a payout.

Pure: no Django, no clock, no database, no randomness of its own. The revealed seed gives the same result, byte for
byte. ``slots/README.md`` describes the HMAC message and the rejection of biased integers.
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

REELS = 3
SEED_BYTES = 32
CLIENT_NONCE_BYTES = 16
MAX_CLIENT_SEED_BYTES = 64
MAX_SYMBOLS = 32
MAX_STOPS = 100_000  # of a reel: its cube is a 64-bit ticket
MAX_PAY = 1_000_000_000
MAX_NAME = 30
MAX_VERSION = 2**31 - 1

_REQUIRED = ("id", "version", "unit", "reels", "symbols")
_DOMAIN = b"slots/v1\x00"
_INTEGER_RANGE = 1 << 64


class MalformedTable(ValueError):
    """The table cannot be played as written; the text says which member is wrong, without repeating what it holds."""


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


@dataclass(slots=True)
class Draw:
    """The outcome of a spin."""

    ticket: int
    symbols: tuple[str, str, str]
    payout: int


def canonical_form(table: Mapping[str, Any]) -> bytes:
    """Write a table as JSON with sorted keys and no white space: the bytes that its digest is taken of."""
    return json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(table: Mapping[str, Any]) -> Table:
    """Read the ``table`` object of a paytable file. Raises MalformedTable if it cannot be played as written.

    Any JSON may be given. Only members that are read are allowed, so that all of the canonical form is rules.
    """
    given = _members(table, "the table", required=_REQUIRED, optional=("pair", "mixed"))
    if type(given["reels"]) is not int or given["reels"] != REELS:
        raise MalformedTable(f"reels: exactly {REELS} reels are played")
    symbols = tuple(_symbol(row) for row in _list(given["symbols"], "symbols"))
    names = [symbol.name for symbol in symbols]
    if len(set(names)) != len(names):
        raise MalformedTable("symbols: each is named once")
    if sum(symbol.weight for symbol in symbols) > MAX_STOPS:
        raise MalformedTable(f"symbols: their weights add up to {MAX_STOPS:,} at most")
    pairs = _pairs(given.get("pair", {}), names)
    mixed_of, mixed_pay = _mixed(given["mixed"], names) if "mixed" in given else (frozenset[str](), 0)
    return Table(
        code=_name(given["id"], "id"),
        version=_whole(given["version"], "version", minimum=1, maximum=MAX_VERSION),
        unit=_whole(given["unit"], "unit", minimum=1),
        symbols=symbols,
        pair_pays=pairs,
        mixed_of=mixed_of,
        mixed_pay=mixed_pay,
        canonical=canonical_form(table),
    )


def _symbol(row: object) -> Symbol:
    given = _members(row, "a symbol", required=("s", "w", "x3"))
    return Symbol(
        name=_name(given["s"], "s"), weight=_whole(given["w"], "w", minimum=1), triple_pay=_whole(given["x3"], "x3")
    )


def _pairs(pairs: object, names: Sequence[str]) -> dict[str, int]:
    if not isinstance(pairs, Mapping) or not set(pairs).issubset(names):
        raise MalformedTable("pair: an object of names of symbols is needed")
    return {name: _whole(pay, "pair") for name, pay in pairs.items()}


def _mixed(mixed: object, names: Sequence[str]) -> tuple[frozenset[str], int]:
    given = _members(mixed, "mixed", required=("of", "pay"))
    of = [_name(name, "of") for name in _list(given["of"], "of")]
    if len(set(of)) != len(of) or not set(of).issubset(names):
        raise MalformedTable("mixed: each name is that of a symbol, once")
    return frozenset(of), _whole(given["pay"], "pay")


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


def _members(
    value: object, what: str, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return an object that has all required members and no unknown ones."""
    if not isinstance(value, Mapping):
        raise MalformedTable(f"{what}: an object is needed")
    if missing := [name for name in required if name not in value]:
        raise MalformedTable(f"{what}: {', '.join(missing)} missing")
    if not set(value) <= {*required, *optional}:
        raise MalformedTable(f"{what}: only {', '.join([*required, *optional])} may be given")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_SYMBOLS:
        raise MalformedTable(f"{what}: a list of 1 to {MAX_SYMBOLS} is needed")
    return value


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or not value.isprintable():
        raise MalformedTable(f"{what}: a name of 1 to {MAX_NAME} printable characters is needed")
    return value


def _whole(value: object, what: str, *, minimum: int = 0, maximum: int = MAX_PAY) -> int:
    """Return an integer; refuse booleans, floats and text."""
    if type(value) is not int or not minimum <= value <= maximum:
        raise MalformedTable(f"{what}: a whole number from {minimum} to {maximum:,} is needed")
    return value
