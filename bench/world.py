"""The people of the bench: enough that every limit can stay on, and the requests that they send."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from typing import Protocol
from uuid import UUID

from bench.load import get, post
from bench.spins import Game, Player

PRICE = 10
DEPTH = 200
PURCHASE = json.dumps({"expectedPrice": PRICE}, separators=(",", ":")).encode()
SPIN = b'{"betAmount":100}'


class Past(Protocol):
    """Write what the players and rooms have behind them; return the players as they are after it."""

    def __call__(self, *, players: Sequence[Player], rooms: "Sequence[Room]", game: Game) -> Sequence[Player]: ...


@dataclass(frozen=True)
class Room:
    """A performer's id and access token, and the item that is bought."""

    performer: UUID
    token: str
    item: UUID


@dataclass(frozen=True)
class World:
    """Access tokens of buyers, and the performers. Buyers take turns, from one load to the next without a break."""

    tokens: Sequence[str]
    rooms: Sequence[Room]
    buyers: Iterator[int] = field(default_factory=count)

    def spins(self) -> Iterator[bytes]:
        """Spins of one buyer after the other, without end."""
        for number in self.buyers:
            yield post("/slot-machine/spin", token=self._token(number), key=f"bench-spin-{number:09d}", body=SPIN)

    def purchases(self, rooms: Iterable[Room]) -> Iterator[bytes]:
        """One purchase from each of the rooms, in their order, by one buyer after the other."""
        for room, number in zip(rooms, self.buyers, strict=False):
            path = f"/menus/items/{room.item}/purchase"
            yield post(path, token=self._token(number), key=f"bench-buy-{number:09d}", body=PURCHASE)

    def reads(self, path: str) -> list[bytes]:
        """Reads of `path` by each buyer."""
        return [get(path, Authorization=f"Bearer {token}") for token in self.tokens]

    def _token(self, number: int) -> str:
        return self.tokens[number % len(self.tokens)]


def make(environment: Mapping[str, str], *, buyers: int, performers: int, past: Past | None = None) -> World:
    """Create the people in the stack's database, and sign tokens for them.

    `past` is written before the buyers' spin of today.
    """
    os.environ |= environment
    import django

    django.setup()
    from django.db import connection

    from bench import people  # it imports the product's models

    try:
        return people.make(buyers=buyers, performers=performers, past=past)
    finally:
        connection.close()


def made_apart(environment: Mapping[str, str], *, buyers: int, performers: int) -> World:
    """Do what `make` does in another process: Django keeps to one database, and this one's environment stays as it is,
    for the next stack."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as another:
        return another.submit(make, environment, buyers=buyers, performers=performers).result()
