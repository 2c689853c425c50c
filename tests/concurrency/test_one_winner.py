"""One of many concurrent closes of a hold wins; a repeated key has one effect. At most 40 connections at once."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection

from core.db import command
from core.errors import DomainError, QueueBusy
from core.ids import new_id
from escrow.models import Hold, Operation
from escrow.services import Currency, Deposit, House
from escrow.services.operations import deposit_many, hold_many
from escrow.tests.factories import balances, request
from perfqueue import services
from tests.concurrency.naive import Twin
from tests.world import buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
CONNECTIONS = 40


def crowd(*calls: Callable[[], Any]) -> list[Any]:
    """Make every call, `CONNECTIONS` at a time, each thread with a connection of its own; results in order."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return again_while_busy(call)
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        return list(pool.map(run, calls))


def again_while_busy(call: Callable[[], Any]) -> Any:
    while True:
        try:
            return call()
        except QueueBusy:
            continue


def test_a_hundred_clients_close_one_hold_in_three_ways_and_one_of_them_does() -> None:
    alice, ruby = person(tokens=1_000), performer()
    item = buy(alice, ruby, 100)
    services.start(item_id=item.pk, actor=ruby)
    ways: list[Callable[[], Any]] = [
        lambda: command(lambda: services.finish(item_id=item.pk, actor=ruby)),
        lambda: command(lambda: services.finish(item_id=item.pk, actor=ruby, settle=61, reason="half")),
        lambda: command(lambda: services.refund(item_id=item.pk, actor=ruby, reason="goodwill")),
    ]

    answers = crowd(*[ways[number % 3] for number in range(100)])

    won = [each for each in answers if not isinstance(each, DomainError)]
    assert len(won) == 1
    assert Counter(type(each).__name__ for each in answers if isinstance(each, DomainError)) == {
        "InvalidTransition": 99
    }
    assert Operation.objects.filter(hold_id=item.hold_id).exclude(kind="hold").count() == 1
    hold = Hold.objects.get(pk=item.hold_id)
    assert (balances(alice)[:2], balances(ruby)[2]) == ((900 + hold.released, 0), hold.captured)


def test_clients_that_read_and_then_write_all_win(twin: Callable[..., Twin]) -> None:
    """The control: without a lock every one of them sees the hold open."""
    hold = twin(attempts=30, is_open=1, closed=0)

    answers = crowd(*[lambda: hold.attempt(lambda seen: seen["is_open"] == 1, "is_open = 0, closed = closed + 1")] * 30)

    assert answers == [True] * 30
    assert hold.facts()["closed"] == 30


def test_five_hundred_operations_sent_twice_have_five_hundred_effects() -> None:
    people = [person(tokens=10_000) for _ in range(5)]
    before = Operation.objects.count()
    deposits = [Deposit(str(new_id()), people[n % 5].pk, Currency.TOKEN, n + 1, House.SALES) for n in range(250)]
    holds = [request(people[n % 5], House.REVENUE, n + 1) for n in range(250)]
    calls: list[Callable[[], Any]] = []
    for deposit in deposits:
        calls += [partial(command, partial(deposit_many, [deposit]))] * 2
    for hold in holds:
        calls += [partial(command, partial(hold_many, [hold]))] * 2
    random.Random(7).shuffle(calls)

    answers = [each for (each,) in crowd(*calls)]

    assert Counter(each.replayed for each in answers) == {False: 500, True: 500}
    assert {each.code for each in answers} == {None}
    first = {each.operation_id for each in answers if not each.replayed}
    assert {each.operation_id for each in answers if each.replayed} == first
    assert len(first) == 500

    assert Operation.objects.count() == before + 500
