"""All commands lock in one order: there are no deadlocks."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from core.db import command, rows
from perfqueue import services
from perfqueue.models import QueueItem
from tests.cleaning import NAME
from tests.racing import names, race
from tests.world import available, buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 15
Lock = tuple[str, list[Any]]


def deadlocks() -> int:
    """How many the server has seen in this database, once those of the racers have ended and so reported theirs."""
    patience = threading.Event()
    for _ in range(500):
        others = rows(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND application_name <> %s",
            [NAME],
        )
        if others[0]["n"] == 0:
            break
        patience.wait(0.01)
    else:
        raise AssertionError("somebody is still connected")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        found: int = cursor.fetchone()[0]
    return found


def on_stage(buyer: Any, performer: Any) -> QueueItem:
    item = buy(buyer, performer, 10)
    services.start(item_id=item.id, actor=performer)
    return item


def test_a_buyer_buys_while_one_of_his_items_is_finished() -> None:
    """Two queues at once, so that one wallet is wanted from both sides; every round another order."""
    alice = person(tokens=10_000)
    ruby, jade = performer(user_cap=200, depth=200), performer(user_cap=200, depth=200)
    before = deadlocks()

    for _ in range(ROUNDS):
        stage = [on_stage(alice, who) for who in (ruby, jade)]
        outcomes = race(
            lambda: buy(alice, ruby, 10),
            lambda: command(lambda: services.finish(item_id=stage[0].id, actor=ruby)),  # noqa: B023  runs at once
            lambda: buy(alice, jade, 10),
            lambda: command(lambda: services.finish(item_id=stage[1].id, actor=jade, settle=4, reason="r")),  # noqa: B023
        )
        assert names(outcomes) == {"QueueItem": 2, "ItemFacts": 2}
        for who in (ruby, jade):
            services.close_queue(performer_id=who.pk, actor=who)
            services.open_queue(performer_id=who.pk, actor=who)

    assert available(alice) == 10_000 - ROUNDS * (10 + 4)
    assert deadlocks() == before


def test_bulk_refunds_across_queues_beside_their_own_commands() -> None:
    support, alice, bob = staff(), person(tokens=10_000), person(tokens=10_000)
    queues = [performer(user_cap=200), performer(user_cap=200)]
    before = deadlocks()

    for _ in range(5):
        items = [buy(who, ruby, 10) for ruby in queues for who in (alice, bob)]
        ids = [item.id for item in items]
        outcomes = race(
            lambda: command(lambda: services.refund_many(item_ids=ids, actor=support, reason="r")),  # noqa: B023
            lambda: command(lambda: services.refund_many(item_ids=ids[::-1], actor=support, reason="r")),  # noqa: B023
            *(
                lambda ruby=ruby: command(lambda: services.close_queue(performer_id=ruby.pk, actor=ruby))
                for ruby in queues
            ),
        )
        assert names(outcomes) == {"list": 2, "NoneType": 2}
        for ruby in queues:
            services.open_queue(performer_id=ruby.pk, actor=ruby)

    assert (available(alice), available(bob)) == (10_000, 10_000)
    assert deadlocks() == before


def test_control_a_buyer_who_locks_his_wallet_before_the_queue_deadlocks_with_the_finish() -> None:
    alice, ruby = person(tokens=100), performer()
    queue = ("SELECT 1 FROM perfqueue_performerqueue WHERE performer_id = %s FOR NO KEY UPDATE", [ruby.pk])
    wallet = ("SELECT 1 FROM escrow_wallet WHERE owner_id = %s ORDER BY id FOR NO KEY UPDATE", [alice.pk])
    met = threading.Barrier(2)
    before = deadlocks()

    def naive(first: Lock, second: Lock) -> Callable[[], None]:
        def step() -> None:
            with transaction.atomic():
                rows(*first)
                met.wait(timeout=30)
                rows(*second)

        return step

    outcomes = race(naive(wallet, queue), naive(queue, wallet))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "OperationalError"]
    (ended,) = [outcome for outcome in outcomes if isinstance(outcome, OperationalError)]
    assert isinstance(ended.__cause__, DeadlockDetected)
    assert deadlocks() == before + 1
