"""Conflicting commands on one queue: of its performer, of buyers, of staff and of the sweeper."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from core.clock import db_now
from core.db import command
from escrow.tests.factories import balances
from menus.tests.factories import bought
from perfqueue import services
from perfqueue.models import QueueItem, Transition
from perfqueue.services import State
from tests.clock import Clock
from tests.concurrency.naive import Twin
from tests.concurrency.test_deadlocks import deadlocks
from tests.concurrency.test_ending import bulk
from tests.concurrency.test_gated import in_order
from tests.hostile.asking import song_of
from tests.interleaving import Concurrent
from tests.racing import names, race
from tests.world import again, available, buy, people, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8
Command = Callable[[], Any]


# --- one performer, two devices ---------------------------------------------------------------------------------


def test_two_devices_start_and_finish_at_once_and_each_happens_once() -> None:
    ruby, alice = performer(user_cap=200), person(tokens=1_000)

    for played in range(1, ROUNDS + 1):
        item, behind = buy(alice, ruby, 10), buy(alice, ruby, 10)
        commands = (services.start, services.finish)

        calls = [partial(work, item_id=item.id, actor=ruby) for work in commands * 2]
        outcomes = race(*[partial(command, call) for call in calls])
        if again(item).state == State.STARTED:  # both finishes came too early
            services.finish(item_id=item.id, actor=ruby)

        assert names(outcomes[0::2])["ItemFacts"] == 1
        assert set(names(outcomes)) <= {"ItemFacts", "AlreadyStarted", "InvalidTransition"}
        steps = Transition.objects.filter(item=item).order_by("id").values_list("to_state", flat=True)
        assert list(steps) == [State.CREATED, State.STARTED, State.FINISHED]
        assert balances(ruby)[2] == played * 10
        services.leave(item_id=behind.id, actor=alice)


def test_two_devices_start_two_items_and_the_head_is_started() -> None:
    ruby, alice = performer(user_cap=200), person(tokens=1_000)

    for _ in range(ROUNDS):
        head, behind = buy(alice, ruby, 10), buy(alice, ruby, 10)

        outcomes = race(
            *[lambda item=item: command(lambda: services.start(item_id=item.id, actor=ruby)) for item in (head, behind)]
        )

        assert isinstance(outcomes[0], services.ItemFacts)
        assert type(outcomes[1]).__name__ in ("AlreadyStarted", "NotHeadOfQueue")
        assert (again(head).state, again(behind).state) == (State.STARTED, State.CREATED)
        services.refund_many(item_ids=[head.id, behind.id], actor=staff(), reason="over")


def test_control_two_naive_devices_pay_one_performance_twice(twin: Callable[..., Twin]) -> None:
    item = twin(attempts=2, started=1, paid=0)

    def finish() -> bool:
        return item.attempt(lambda seen: seen["started"] == 1, "started = 0, paid = paid + 100")

    assert race(finish, finish) == [True, True]
    assert item.facts() == {"started": 0, "paid": 200}


# --- the endpoint: open and close against intake ----------------------------------------------------------------------


def test_a_buyer_while_the_queue_opens_and_closes_waits_in_an_open_queue_or_has_the_tokens() -> None:
    ruby = performer()
    run = {
        "open": lambda: command(lambda: services.open_queue(performer_id=ruby.pk, actor=ruby)),
        "close": lambda: command(lambda: services.close_queue(performer_id=ruby.pk, actor=ruby)),
    }

    for _ in range(ROUNDS):
        run["open"]()
        buyers = people(6, tokens=100)
        answers = race(*[lambda buyer=buyer: buy(buyer, ruby) for buyer in buyers], run["close"], run["open"])

        assert set(names(answers[:6])) <= {"QueueItem", "QueueClosed"}
        waiting = set(QueueItem.objects.filter(state=State.CREATED).values_list("user_id", flat=True))
        assert [available(buyer) for buyer in buyers] == [0 if buyer.pk in waiting else 100 for buyer in buyers]
        run["close"]()
        assert [available(buyer) for buyer in buyers] == [100] * 6
    assert not QueueItem.objects.exclude(state=State.REFUNDED).exists()
    turns = QueueItem.objects.order_by("turn").values_list("turn", flat=True)
    assert list(turns) == list(range(1, len(turns) + 1))


@pytest.mark.parametrize("first", ["buy", "close"])
def test_a_purchase_and_a_close_one_behind_the_other(first: str) -> None:
    ruby, alice = performer(), person(tokens=100)

    def close() -> None:
        services.close_queue(performer_id=ruby.pk, actor=ruby)

    def join() -> services.ItemFacts:
        return bought(alice, song)

    song = song_of(ruby, price=100)
    if first == "buy":
        item, closed = in_order(join, lambda: command(close))
        assert (again(item).cause, closed) == ("STREAM_ENDED", None)
    else:
        _, refused = in_order(close, lambda: command(join))
        assert (type(refused).__name__, QueueItem.objects.exists()) == ("QueueClosed", False)
    assert available(alice) == 100


def test_control_a_naive_close_forgets_whom_it_has_not_seen(twin: Callable[..., Twin]) -> None:
    queue = twin(attempts=2, is_open=1, waiting=0)

    outcomes = race(
        lambda: queue.attempt(lambda seen: seen["is_open"] == 1, "waiting = waiting + 1"),
        lambda: queue.attempt(lambda seen: seen["waiting"] == 0, "is_open = 0"),
    )

    assert outcomes == [True, True]
    assert queue.facts() == {"is_open": 0, "waiting": 1}


# --- one behind the other, in both orders -------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "state", "left"), [("start", State.STARTED, 0), ("leave", State.REFUNDED, 100)])
def test_a_start_and_a_leave_one_behind_the_other(first: str, state: str, left: int) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    commands: dict[str, Command] = {
        "start": lambda: services.start(item_id=item.id, actor=ruby),
        "leave": lambda: services.leave(item_id=item.id, actor=alice),
    }

    _, late = in_order(commands.pop(first), lambda: command(*commands.values()))

    assert (type(late).__name__, again(item).state, available(alice)) == ("InvalidTransition", state, left)


def test_control_a_naive_start_and_a_naive_leave_both_succeed(twin: Callable[..., Twin]) -> None:
    item = twin(attempts=2, created=1, on_stage=0, given_back=0)

    def in_line(seen: dict[str, int]) -> bool:
        return seen["created"] == 1

    outcomes = race(
        lambda: item.attempt(in_line, "created = 0, on_stage = 1"),
        lambda: item.attempt(in_line, "created = 0, given_back = 100"),
    )

    assert outcomes == [True, True]
    assert item.facts() == {"created": 0, "on_stage": 1, "given_back": 100}


@pytest.mark.parametrize("first", ["finish", "bulk"])
def test_a_finish_and_a_bulk_refund_one_behind_the_other(first: str) -> None:
    ruby, alice, support = performer(), person(tokens=100), staff()
    item = buy(alice, ruby, 100)
    services.start(item_id=item.id, actor=ruby)
    commands: dict[str, Command] = {
        "finish": lambda: services.finish(item_id=item.id, actor=ruby),
        "bulk": lambda: bulk(item, support),
    }

    _, late = in_order(commands.pop(first), lambda: command(*commands.values()))

    assert getattr(late, "code", late.args[0] if late.args else "") == "INVALID_TRANSITION"
    assert (available(alice), balances(ruby)[2]) == ((0, 100) if first == "finish" else (100, 0))


def test_a_start_in_time_stands_although_the_deadline_passes_before_it_is_written(clock: Clock) -> None:
    """The sweeper skips the locked queue; a waiting command finds the item started."""
    ruby, alice = performer(rope_drop_s=30), person(tokens=100)
    item = buy(alice, ruby)
    clock.shift(seconds=29)

    with transaction.atomic():
        services.start(item_id=item.id, actor=ruby)
        Concurrent(lambda: Clock(connection).shift(seconds=31)).result()  # for later connections only
        assert Concurrent(lambda: services.sweep("gated")).result() == 0
        behind = Concurrent(lambda: services.expire_due(ruby.pk))
        behind.assert_blocked()

    assert behind.result() == 0
    assert (again(item).state, available(alice)) == (State.STARTED, 0)
    services.refund(item_id=item.id, actor=ruby)


def test_a_start_after_a_concurrent_expiry_is_refused(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=30), person(tokens=100)
    item = buy(alice, ruby)
    clock.shift(seconds=31)
    assert item.rope_drop_at is not None
    assert item.rope_drop_at < db_now()

    ended, late = in_order(
        lambda: services.expire_due(ruby.pk), lambda: command(lambda: services.start(item_id=item.id, actor=ruby))
    )

    assert (ended, type(late).__name__) == (1, "RopeDropExpired")
    assert (again(item).state, available(alice)) == (State.REFUNDED, 100)


# --- a buyer's purchase and the end of another of his items -------------------------------------------------------


@pytest.mark.parametrize("first", ["purchase", "finish"])
@pytest.mark.parametrize("same", [True, False], ids=["one queue", "two queues"])
def test_a_purchase_and_a_finish_of_one_buyers_items_wait_for_each_other(first: str, same: bool) -> None:
    ruby, alice = performer(), person(tokens=200)
    song = song_of(ruby if same else performer(), price=100)
    staged = buy(alice, ruby, 100)
    services.start(item_id=staged.id, actor=ruby)
    commands: dict[str, Command] = {
        "purchase": lambda: bought(alice, song),
        "finish": lambda: services.finish(item_id=staged.id, actor=ruby, settle=60, reason="part"),
    }
    before = deadlocks()

    answers = in_order(commands.pop(first), lambda: command(*commands.values()))

    assert names(answers) == {"ItemFacts": 2}
    assert (balances(alice), balances(ruby)[2]) == ((40, 100, 0, 0), 60)
    assert deadlocks() == before


def test_purchases_and_finishes_of_one_buyer_in_two_queues_end_in_no_ring() -> None:
    alice, queues = person(tokens=10_000), [performer(user_cap=200, depth=200) for _ in range(2)]
    songs = [song_of(ruby, price=10) for ruby in queues]
    before = deadlocks()

    for _ in range(ROUNDS):
        staged = [buy(alice, ruby, 10) for ruby in queues]
        for item, ruby in zip(staged, queues, strict=True):
            services.start(item_id=item.id, actor=ruby)
        answers = race(
            *[lambda song=song: command(lambda: bought(alice, song)) for song in songs],
            *[
                lambda item=item, ruby=ruby: command(lambda: services.finish(item_id=item.id, actor=ruby))
                for item, ruby in zip(staged, queues, strict=True)
            ],
        )
        assert names(answers) == {"ItemFacts": 4}
        for ruby in queues:
            services.close_queue(performer_id=ruby.pk, actor=ruby)
            services.open_queue(performer_id=ruby.pk, actor=ruby)

    assert available(alice) == 10_000 - ROUNDS * 20
    assert deadlocks() == before
