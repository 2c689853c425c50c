"""Depth and the cap per user are exact under concurrent joins."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.models import User
from core.db import rows
from core.errors import QueueBusy
from escrow.models import Hold
from perfqueue import services
from perfqueue.errors import QueueFull
from perfqueue.models import QueueItem
from tests.cleaning import NAME
from tests.concurrency.naive import Twin
from tests.racing import names, race
from tests.world import available, buy, people, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
MOST_CONNECTIONS = 40
CONNECTED = """
SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name <> %s
"""


@pytest.mark.parametrize(("count", "depth"), [(50, 25), (200, 60)])
def test_of_many_concurrent_buyers_as_many_join_as_the_queue_holds(count: int, depth: int) -> None:
    ruby = performer(depth=depth)
    buyers = people(count, tokens=100)
    seen: list[int] = []

    def ask(buyer: User) -> QueueItem | QueueFull:
        """Ask again while it is busy, as a client does."""
        try:
            while True:
                seen.append(rows(CONNECTED, [NAME])[0]["n"])
                try:
                    return buy(buyer, ruby)
                except QueueBusy:
                    continue
                except QueueFull as refused:
                    return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(MOST_CONNECTIONS - 2) as crowd:  # the test has a connection too, and one may be closing
        outcomes = list(crowd.map(ask, buyers))

    assert names(outcomes) == {"QueueItem": depth, "QueueFull": count - depth}
    answers = [outcome.details for outcome in outcomes if isinstance(outcome, QueueFull)]
    assert answers == [{"depth": depth, "maxDepth": depth}] * len(answers)
    assert 1 < max(seen) <= MOST_CONNECTIONS
    assert list(QueueItem.objects.order_by("turn").values_list("turn", flat=True)) == list(range(1, depth + 1))
    assert Hold.objects.count() == depth
    assert Counter(available(buyer) for buyer in buyers) == {0: depth, 100: count - depth}
    assert len(services.queue_view(ruby.pk, viewer=None).items) == depth


def test_control_a_naive_queue_takes_more_than_it_holds(twin: Callable[..., Twin]) -> None:
    queue = twin(attempts=10, waiting=20, depth=25)

    def join() -> bool:
        return queue.attempt(lambda seen: seen["waiting"] < seen["depth"], "waiting = waiting + 1")

    assert race(*[join] * 10) == [True] * 10
    assert queue.facts()["waiting"] > queue.facts()["depth"]


def test_one_buyer_many_times_at_once_gets_as_many_places_as_the_cap() -> None:
    ruby, alice = performer(user_cap=3), person(tokens=10_000)

    outcomes = race(*[lambda: buy(alice, ruby)] * 12)

    assert names(outcomes) == {"QueueItem": 3, "UserQueueLimit": 9}
    assert available(alice) == 9_700


def test_the_cap_counts_started_items_while_items_start() -> None:
    """A started item still counts against its buyer, a finished one no longer; asked for while it moves."""
    ruby, alice = performer(user_cap=2), person(tokens=10_000)
    first, _second = buy(alice, ruby), buy(alice, ruby)

    outcomes = race(lambda: services.start(item_id=first.id, actor=ruby), *[lambda: buy(alice, ruby)] * 4)
    assert names(outcomes) == {"ItemFacts": 1, "UserQueueLimit": 4}

    outcomes = race(lambda: services.finish(item_id=first.id, actor=ruby), *[lambda: buy(alice, ruby)] * 4)
    bought = names(outcomes[1:])["QueueItem"]
    assert isinstance(outcomes[0], services.ItemFacts)
    assert bought in (0, 1)
    assert QueueItem.objects.filter(state="created").count() == 1 + bought


def test_control_a_naive_cap_is_overrun(twin: Callable[..., Twin]) -> None:
    mine = twin(attempts=4, mine=2, cap=3)

    def join() -> bool:
        return mine.attempt(lambda seen: seen["mine"] < seen["cap"], "mine = mine + 1")

    assert race(*[join] * 4) == [True] * 4
    assert mine.facts()["mine"] > mine.facts()["cap"]
