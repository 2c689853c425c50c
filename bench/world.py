"""Enough users to leave every limit on: nobody spins twice within the interval, no queue overflows."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from uuid import UUID

from bench.load import post

BATCH = 200
START = 1_000_000
DEPTH = 200
PURCHASE = json.dumps({"expectedPrice": 10}, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Room:
    """A performer's id and access token, and the item that is bought."""

    performer: UUID
    token: str
    item: UUID


@dataclass(frozen=True)
class World:
    """Access tokens of buyers, and the performers."""

    tokens: Sequence[str]
    rooms: Sequence[Room]

    def spins(self) -> Iterator[bytes]:
        """Spins of one buyer after the other."""
        body = b'{"betAmount":100}'
        for number in count():
            token = self.tokens[number % len(self.tokens)]
            yield post("/slot-machine/spin", token=token, key=f"bench-spin-{number:09d}", body=body)

    def purchases(self) -> Iterator[bytes]:
        """Purchases of one buyer after the other, each from the next performer."""
        for number in count():
            yield self._purchase(number, self.rooms[number % len(self.rooms)], "buy")

    def crowd(self) -> Iterator[bytes]:
        """Purchases from one performer until the queue is full, then from the next."""
        for number in range(DEPTH * len(self.rooms)):
            yield self._purchase(number, self.rooms[number // DEPTH], "crowd")

    def latecomers(self) -> Iterator[bytes]:
        """Purchases as above from the last performers first, whose queues the crowd has not reached."""
        for number in count():
            yield self._purchase(number, self.rooms[-1 - number % (len(self.rooms) // 2)], "late")

    def _purchase(self, number: int, room: Room, name: str) -> bytes:
        token = self.tokens[number % len(self.tokens)]
        path = f"/menus/items/{room.item}/purchase"
        return post(path, token=token, key=f"bench-{name}-{number:09d}", body=PURCHASE)


def make(environment: dict[str, str], *, buyers: int, performers: int) -> World:
    """Create users by the services in the stack's database, and sign tokens for the buyers."""
    os.environ |= environment
    import django

    django.setup()
    from django.db import connection

    try:
        return World(tokens=_buyers(buyers), rooms=_performers(performers))
    finally:
        connection.close()


def _buyers(number: int) -> list[str]:
    import escrow.services
    from accounts.services import create_user
    from accounts.tokens import issue
    from core.db import command
    from escrow.services import Currency, Deposit, House
    from escrow.services.operations import deposit_many

    tokens: list[str] = []

    def batch(names: Sequence[str]) -> None:
        people = [create_user(username=name, hashed_password="!", verified=True, terms_version=1) for name in names]
        escrow.services.open_wallets([user.pk for user in people])
        deposit_many(
            [
                Deposit(f"bench:{user.username}:{currency}", user.pk, currency, START, House.MINT)
                for user in people
                for currency in Currency
            ]
        )
        tokens.extend(issue(user).access for user in people)

    for first in range(0, number, BATCH):
        names = [f"bench{place}" for place in range(first, min(first + BATCH, number))]
        command(partial(batch, names))
    return tokens


def _performers(number: int) -> list[Room]:
    import escrow.services
    import menus.services
    import perfqueue.services
    from accounts.services import create_performer
    from accounts.tokens import issue
    from core.db import command

    def one(place: int) -> Room:
        user = create_performer(username=f"stage{place}", display_name=f"Stage {place}", hashed_password="!")
        escrow.services.open_wallets([user.pk])
        perfqueue.services.make_queues([user.pk])
        perfqueue.services.configure(performer_id=user.pk, depth=DEPTH, rope_drop_s=900)
        perfqueue.services.open_queue(performer_id=user.pk, actor=user)
        menu = menus.services.create_menu(actor=user, draft=menus.services.MenuDraft(title="Stage", owner_id=user.pk))
        draft = menus.services.ItemDraft(title="A song", price_tokens=10, duration_s=60)
        item = menus.services.create_item(actor=user, menu_id=menu.pk, draft=draft)
        return Room(user.pk, issue(user).access, item.pk)

    return [command(partial(one, place)) for place in range(number)]
