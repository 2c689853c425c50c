"""House accounts have entries only: concurrent payments to one do not wait for each other."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from core.db import rows
from core.ids import new_id
from escrow import services
from escrow.models import Entry
from escrow.services import Award, Close, Currency, Deposit, House, operations
from escrow.tests.factories import finished, request
from tests.racing import race
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS, ROUNDS = 8, 18
WAITS = """
SELECT l.locktype, l.relation::regclass::text AS relation, l.mode FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE NOT l.granted AND a.datname = current_database() AND l.locktype <> 'extend'
"""
"""Rows are waited for as a `tuple` or a `transactionid`. A table that grows by a page (`extend`) is no account."""


class Sampler:
    """Looks, as often as it can while a block runs, at who waits for a lock in this database."""

    def __init__(self) -> None:
        self.samples = 0
        self.waits: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._over.is_set():
            self.waits.update(f"{row['mode']} on {row['relation'] or row['locktype']}" for row in rows(WAITS))
            self.samples += 1
        connection.close()


def paying_the_house() -> Callable[[], None]:
    """One client's rounds over every operation that a house account takes part in; its wallets are its own."""
    alice, ruby = person(tokens=10_000, points=1_000), performer(fee_bps=1_000)
    holds = [finished(alice, House.SLOTS_BANK, 10, 10) for _ in range(ROUNDS)]
    with_fee = [finished(alice, ruby, 100, 61) for _ in range(ROUNDS)]

    def run() -> None:
        for hold_id, other in zip(holds, with_fee, strict=True):
            operations.hold_many([request(alice, House.REVENUE, 5)])
            services.close_many([Close(str(hold_id), hold_id, 10, 0), Close(str(other), other, 61, 39, 1_000)])
            services.award_many([Award(str(new_id()), alice.pk, 7, hold_id)])
            operations.deposit_many([Deposit(str(new_id()), alice.pk, Currency.TOKEN, 3, House.SALES)])

    return run


def test_nobody_waits_for_a_house_account_under_load() -> None:
    clients = [paying_the_house() for _ in range(CLIENTS)]
    before = Entry.objects.filter(house__isnull=False).count()

    with Sampler() as sampler:
        outcomes = race(*clients)

    assert outcomes == [None] * CLIENTS
    assert Entry.objects.filter(house__isnull=False).count() == before + CLIENTS * ROUNDS * 4
    assert sampler.samples > 50
    assert not sampler.waits, sampler.waits


def test_control_a_house_account_with_a_row_is_waited_for() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_house (balance bigint NOT NULL)")
        cursor.execute("INSERT INTO naive_house VALUES (0)")

    def pay() -> None:
        for _ in range(60):
            rows("UPDATE naive_house SET balance = balance + 1 RETURNING pg_sleep(0.001)::text")

    try:
        with Sampler() as sampler:
            race(*[pay] * CLIENTS)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE naive_house")

    assert sampler.waits
