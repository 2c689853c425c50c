"""`python -m bench.ledger.lists`: what a batch costs in the ledger, by the length of its list, on a server of its own.

Each list is one transaction of one client: the wallets' locks, one call that writes it, the commit, fsync on.
Milliseconds an element, the medians of all lists: to build the parameters in Python, and from the call to its answer.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from bench.server import database, migrated

if TYPE_CHECKING:
    from escrow.services import HoldRequest, LockedWallet, Payee

Client = psycopg.Connection[Any]
Statement = tuple[str, list[Any]]
Way = Callable[[Client, "list[LockedWallet]"], Callable[[], Statement]]
PLAYERS = 4_000
BET, AWARD, START = 10, 5, 10_000_000
LENGTHS = (1, 8, 64)
ITEMS = """
INSERT INTO perfqueue_queueitem (id, user_id, hold_id, tokens, currency, title, description, fulfilment,
    source_feature, idempotency_key, source_event_id, metadata, award, fee_bps, state, created_at, started_at, ended_at,
    settle_tokens, refund_tokens, cause, reason, third_noticed, next_noticed)
SELECT t.item, t.player, t.hold, %(bet)s, 'POINT', 'A spin', '', 'instant', 'bench', t.hold::text, '',
       '{}', %(award)s, 0, 'finished', now(), now(), now(), %(bet)s, 0, '', '', false, false
  FROM unnest(%(items)s::uuid[], %(players)s::uuid[], %(holds)s::uuid[]) AS t(item, player, hold)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger.lists", description=__doc__)
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=3, metavar="1-60", help="each length (3)")
    seconds = parser.parse_args().seconds
    with database("bench-lists") as server:
        os.environ |= migrated(server, guarded=True)
        import django

        django.setup()
        players = made()
        with closing(psycopg.connect(server.url, autocommit=True)) as owner:
            owner.execute("VACUUM ANALYZE")
        with closing(psycopg.connect(os.environ["DATABASE_URL"])) as client:
            for way in (instants, holds):
                for length in LENGTHS:
                    figures = measured(client, way, players, length, seconds)
                    print(f"{way.__name__} in lists of {length:2}: {figures}", flush=True)


def made() -> list[UUID]:
    """Create players with points."""
    from accounts.models import User
    from core.db import command
    from escrow.services import Currency, Deposit, House, open_wallets
    from escrow.services.operations import deposit_many

    User.objects.create(username="performer", role="performer", terms_version=1)
    people = [User(username=f"player{number}", terms_version=1) for number in range(PLAYERS)]

    def fill(some: Sequence[User]) -> None:
        User.objects.bulk_create(some)
        open_wallets([each.pk for each in some])
        deposit_many([Deposit(f"b:{each.pk}", each.pk, Currency.POINT, START, House.MINT) for each in some])

    for first in range(0, PLAYERS, 500):
        command(partial(fill, people[first : first + 500]))
    return [each.pk for each in people]


def measured(client: Client, way: Way, players: list[UUID], length: int, seconds: float) -> str:
    """Write lists of `length` for so many seconds; return the medians."""
    ends, place = time.perf_counter() + seconds, 0
    times: list[tuple[float, ...]] = []
    while time.perf_counter() < ends:
        payers = [players[(place + number) % PLAYERS] for number in range(length)]
        place += length
        times.append(tuple(taken / length * 1000 for taken in written(client, way, payers)))
    parts = [statistics.median(each) for each in zip(*times, strict=True)]
    named = zip(("lock", "build", "write", "commit"), parts, strict=True)
    return ", ".join(f"{name} {taken:.3f} ms" for name, taken in named) + f" ({len(times)} lists)"


def written(client: Client, way: Way, payers: list[UUID]) -> tuple[float, float, float, float]:
    """Lock, decide and write one list; return the seconds to lock, build, write and commit."""
    from escrow.services import Currency, LockedWallet, lock_wallets

    begun = time.perf_counter()
    found = lock_wallets(client.execute, payers, currency=Currency.POINT, wait=True).fetchall()
    locked = time.perf_counter()
    build = way(client, [LockedWallet(*row) for row in found])
    ready = time.perf_counter()
    sql, values = build()
    built = time.perf_counter()
    client.execute(sql, values)
    wrote = time.perf_counter()
    client.commit()
    return locked - begun, built - ready, wrote - built, time.perf_counter() - wrote


def instants(client: Client, wallets: "list[LockedWallet]") -> Callable[[], Statement]:
    """Spins that win. Stores their items."""
    from core.ids import new_id
    from escrow.services import House, Instant, Payee, settle_instants

    bank = Payee(house=House.SLOTS_BANK)
    decided = [Instant(wallet=each, hold=bet(each.owner, bank), item_id=new_id(), award=AWARD) for each in wallets]
    facts = {
        "items": [each.item_id for each in decided],
        "players": [each.wallet.owner for each in decided],
        "holds": [each.hold.hold_id for each in decided],
    }
    client.execute(ITEMS, facts | {"bet": BET, "award": AWARD})
    return lambda: settle_instants(statement, decided, at=datetime.now(UTC))


def holds(client: Client, wallets: "list[LockedWallet]") -> Callable[[], Statement]:
    """Holds for one performer; no item takes them."""
    from escrow.services import Opening, Payee, open_holds

    performer = Payee(client.execute("SELECT id FROM accounts_user WHERE role = 'performer'").fetchall()[0][0])
    decided = [Opening(wallet=each, hold=bet(each.owner, performer)) for each in wallets]
    return lambda: open_holds(statement, decided, at=datetime.now(UTC))


def bet(payer: UUID, payee: "Payee") -> "HoldRequest":
    """A hold as the slot machine asks for one."""
    from core.ids import new_id
    from escrow.services import Currency, HoldRequest

    key = str(new_id())
    return HoldRequest(new_id(), f"spin-{key}", payer, payee, Currency.POINT, BET, "slots", key, actor_id=payer)


def statement(sql: str, values: list[Any]) -> Statement:
    """Execute nothing."""
    return sql, values


if __name__ == "__main__":
    main()
