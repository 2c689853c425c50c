"""One performance at a time, and a command after a deadline is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from core.clock import db_now
from core.db import command
from escrow.models import Hold, HoldStatus
from perfqueue import services
from perfqueue.models import QueueItem, Strike, Transition
from perfqueue.services import State
from tests.clock import Clock
from tests.concurrency.naive import Twin
from tests.racing import names, race
from tests.world import again, available, buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def starting(item: QueueItem, ruby: Any) -> Callable[[], services.ItemFacts]:
    """Start as the endpoint does: what time has decided first, in transactions of its own."""
    return lambda: command(
        lambda: services.start(item_id=item.id, actor=ruby), before=lambda: services.expire_due(ruby.pk)
    )


def test_two_starts_of_one_item() -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby)

    outcomes = race(starting(item, ruby), starting(item, ruby))

    assert names(outcomes) == {"ItemFacts": 1, "AlreadyStarted": 1}
    assert Transition.objects.filter(item=item, to_state=State.STARTED).count() == 1


def test_concurrent_starts_of_all_waiting_items_start_the_head() -> None:
    ruby = performer()
    items = [buy(person(tokens=100), ruby) for _ in range(5)]

    outcomes = race(*(starting(item, ruby) for item in items))

    assert isinstance(outcomes[0], services.ItemFacts)
    assert set(names(outcomes[1:])) <= {"AlreadyStarted", "NotHeadOfQueue"}
    assert [again(item).state for item in items] == ["started"] + ["created"] * 4


def test_control_two_naive_starts_both_succeed(twin: Callable[..., Twin]) -> None:
    stage = twin(attempts=2, started=0)

    def start() -> bool:
        return stage.attempt(lambda seen: seen["started"] == 0, "started = started + 1")

    assert race(start, start) == [True, True]
    assert stage.facts() == {"started": 2}


def test_the_sweeper_against_a_start_at_the_deadline(clock: Clock) -> None:
    """From just passed to well before: the item is started and its hold kept, or refunded and the start refused."""
    ruby, ends = performer(rope_drop_s=30), []

    for left_s in (-0.01, 0.0, 0.002, 0.004, 0.006, 0.01, 0.015, 5.0):
        alice = person(tokens=100)
        item = buy(alice, ruby)
        assert item.rope_drop_at is not None
        clock.shift(seconds=(item.rope_drop_at - db_now()).total_seconds() - left_s)

        started, swept = race(starting(item, ruby), lambda: services.sweep("race"))

        now, hold = again(item), Hold.objects.get(pk=item.hold_id)
        assert isinstance(swept, int)
        if isinstance(started, services.ItemFacts):
            assert (now.state, hold.status, available(alice)) == (State.STARTED, HoldStatus.HELD, 0)
            services.refund(item_id=item.id, actor=ruby)
        else:
            assert type(started).__name__ == "RopeDropExpired"
            services.sweep("after the race")
            assert (again(item).state, available(alice)) == (State.REFUNDED, 100)
            assert Strike.objects.filter(item=item).count() == 1
        ends.append(type(started).__name__)

    assert (ends[0], ends[-1]) == ("RopeDropExpired", "ItemFacts")


def test_control_a_naive_sweeper_refunds_what_is_started(twin: Callable[..., Twin]) -> None:
    item = twin(attempts=2, created=1, started=0, refunded=0)

    def in_line(seen: dict[str, int]) -> bool:
        return seen["created"] == 1

    outcomes = race(
        lambda: item.attempt(in_line, "created = 0, started = 1"),
        lambda: item.attempt(in_line, "created = 0, refunded = 1"),
    )

    assert outcomes == [True, True]
    assert item.facts() == {"created": 0, "started": 1, "refunded": 1}


def test_sweepers_beside_each_other_end_each_item_once(clock: Clock) -> None:
    queues = [performer(rope_drop_s=30) for _ in range(4)]
    buyers = [person(tokens=100) for _ in queues]
    items = [buy(buyer, ruby) for buyer, ruby in zip(buyers, queues, strict=True)]
    clock.shift(seconds=31)

    outcomes = race(
        *[lambda: services.sweep("race")] * 4, *(lambda ruby=ruby: services.expire_due(ruby.pk) for ruby in queues)
    )

    assert sum(outcomes) == 4
    assert [again(item).state for item in items] == [State.REFUNDED] * 4
    assert Strike.objects.count() == 4
    assert [available(buyer) for buyer in buyers] == [100] * 4
