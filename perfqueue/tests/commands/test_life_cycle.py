"""The edges of the life cycle, one rule a test."""

from datetime import timedelta

import pytest

from core.clock import db_now
from core.db import command
from core.errors import Forbidden, ValidationFailed
from escrow.errors import SplitMismatch
from perfqueue import services
from perfqueue.errors import (
    AlreadyStarted,
    DeadlinePassed,
    InvalidTransition,
    NotHeadOfQueue,
    QueueClosed,
    QueueFull,
    QueuePaused,
    RopeDropExpired,
    UserQueueLimit,
)
from perfqueue.models import QueueItem, Strike, Transition
from perfqueue.services import AbandonPolicy, State
from tests.clock import Clock
from tests.world import again, available, buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(item: QueueItem) -> list[str]:
    return list(Transition.objects.filter(item=item).order_by("id").values_list("to_state", flat=True))


def earned(user: object) -> int:
    import escrow.services

    return escrow.services.wallets_of(user.pk)[0].earned  # type: ignore[attr-defined]


def test_a_finished_performance_pays_the_performer_in_full() -> None:
    ruby, alice = performer(), person(tokens=1000)
    item = buy(alice, ruby, 100)

    services.start(item_id=item.id, actor=ruby)
    done = services.finish(item_id=item.id, actor=ruby)

    assert (done.state, done.settle_tokens, done.refund_tokens) == (State.FINISHED, 100, 0)
    assert (available(alice), earned(ruby)) == (900, 100)
    assert path_of(item) == ["created", "started", "finished"]


def test_a_split_pays_the_fee_on_what_is_settled_only() -> None:
    ruby, alice = performer(fee_bps=1000), person(tokens=100)
    item = buy(alice, ruby, 100)
    services.start(item_id=item.id, actor=ruby)

    services.finish(item_id=item.id, actor=ruby, settle=61, reason="half a song")

    assert (available(alice), earned(ruby)) == (39, 55)


@pytest.mark.parametrize(("settle", "refund"), [(0, None), (101, None), (50, 51), (None, 100), (0, 100), (60, 39)])
def test_amounts_that_are_no_split_are_refused(settle: int | None, refund: int | None) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    services.start(item_id=item.id, actor=ruby)

    with pytest.raises(SplitMismatch):
        services.finish(item_id=item.id, actor=ruby, settle=settle, refund=refund, reason="why")

    assert again(item).state == State.STARTED


def test_a_split_needs_a_reason() -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    services.start(item_id=item.id, actor=ruby)

    with pytest.raises(ValidationFailed):
        services.finish(item_id=item.id, actor=ruby, refund=10)


def test_only_the_head_may_start_and_only_one_at_a_time() -> None:
    ruby, alice = performer(), person(tokens=1000)
    first, second = buy(alice, ruby), buy(alice, ruby)

    with pytest.raises(NotHeadOfQueue):
        services.start(item_id=second.id, actor=ruby)
    services.start(item_id=first.id, actor=ruby)
    for item in (first, second):
        with pytest.raises(AlreadyStarted):
            services.start(item_id=item.id, actor=ruby)


def test_another_performer_cannot_command_this_queue() -> None:
    ruby, jade, alice = performer(), performer(), person(tokens=1000)
    item = buy(alice, ruby)

    for run in (services.start, services.refund, services.abandon, services.finish):
        with pytest.raises(Forbidden):
            run(item_id=item.id, actor=jade)
    with pytest.raises(Forbidden):
        services.leave(item_id=item.id, actor=person())


def test_a_buyer_who_leaves_has_the_tokens_back_but_not_from_a_started_item() -> None:
    ruby, alice = performer(), person(tokens=1000)
    first, second = buy(alice, ruby), buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)

    services.leave(item_id=second.id, actor=alice)
    with pytest.raises(InvalidTransition):
        services.leave(item_id=first.id, actor=alice)

    assert available(alice) == 900


def test_depth_counts_those_who_wait_and_the_cap_counts_the_started_item_too() -> None:
    ruby, alice, bob = performer(depth=2, user_cap=2), person(tokens=1000), person(tokens=1000)
    first = buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)
    buy(alice, ruby)

    with pytest.raises(UserQueueLimit):
        buy(alice, ruby)
    buy(bob, ruby)
    with pytest.raises(QueueFull):
        buy(bob, ruby)
    assert (available(alice), available(bob)) == (800, 900)


def test_a_closed_or_paused_queue_refuses_and_holds_nothing() -> None:
    ruby, alice = performer(), person(tokens=1000)

    services.pause_queue(performer_id=ruby.pk, actor=ruby)
    with pytest.raises(QueuePaused):
        buy(alice, ruby)
    services.close_queue(performer_id=ruby.pk, actor=ruby)
    with pytest.raises(QueueClosed):
        buy(alice, ruby)

    assert available(alice) == 1000


def test_a_passed_rope_drop_refunds_even_with_no_worker_running(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=120), person(tokens=1000)
    first, second = buy(alice, ruby), buy(alice, ruby)

    clock.shift(seconds=121)
    with pytest.raises(RopeDropExpired):
        command(lambda: services.start(item_id=first.id, actor=ruby), before=lambda: services.expire_due(ruby.pk))

    gone, head = again(first), again(second)
    assert (gone.state, gone.cause) == (State.REFUNDED, "ROPE_DROP_EXPIRED")
    assert path_of(first) == ["created", "abandoned", "refunded"]
    assert head.rope_drop_at is not None
    assert 119 < (head.rope_drop_at - db_now()).total_seconds() <= 120
    assert available(alice) == 900
    assert Strike.objects.count() == 1


def test_the_rope_drop_runs_for_the_head_only() -> None:
    ruby, alice = performer(), person(tokens=1000)

    first, second = buy(alice, ruby), buy(alice, ruby)

    assert again(first).rope_drop_at is not None
    assert again(second).rope_drop_at is None


def test_pausing_keeps_the_remaining_time(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=120), person(tokens=1000)
    item = buy(alice, ruby)

    clock.shift(seconds=115)
    services.pause_queue(performer_id=ruby.pk, actor=ruby)
    clock.shift(minutes=10)
    assert services.expire_due(ruby.pk) == 0
    services.resume_queue(performer_id=ruby.pk, actor=ruby)

    head = again(item)
    assert head.rope_drop_at is not None
    assert 3 < (head.rope_drop_at - db_now()).total_seconds() <= 5


def test_ten_minutes_of_pause_with_five_seconds_left_cost_no_millisecond(clock: Clock) -> None:
    """Two readings of the clock stand around each command: what is kept and what is given again fits between them."""
    ruby, alice = performer(rope_drop_s=120), person(tokens=1000)
    armed = buy(alice, ruby).rope_drop_at
    assert armed is not None
    clock.shift(seconds=(armed - db_now()).total_seconds() - 5)

    before = db_now()
    services.pause_queue(performer_id=ruby.pk, actor=ruby)
    after = db_now()
    kept = again(QueueItem.objects.get()).rope_drop_left_ms
    assert kept is not None
    most, least = (round((armed - at).total_seconds() * 1000) for at in (before, after))
    assert least <= kept <= most <= 5_000
    assert kept > 4_000

    clock.shift(minutes=10)
    assert services.sweep("test") == 0
    before = db_now()
    services.resume_queue(performer_id=ruby.pk, actor=ruby)
    after = db_now()

    head = again(QueueItem.objects.get())
    assert head.rope_drop_at is not None
    assert before <= head.rope_drop_at - timedelta(milliseconds=kept) <= after


def test_the_rope_drop_stands_still_while_an_item_is_started(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=120), person(tokens=1000)
    first, second = buy(alice, ruby, duration_s=600), buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)

    clock.shift(seconds=300)
    services.expire_due(ruby.pk)
    services.finish(item_id=first.id, actor=ruby)

    head = again(second)
    assert head.rope_drop_at is not None
    assert (head.rope_drop_at - db_now()).total_seconds() > 119


def test_a_passed_deadline_refunds_and_never_pays(clock: Clock) -> None:
    ruby, alice = performer(grace_s=30), person(tokens=1000)
    item = buy(alice, ruby, duration_s=60)
    services.start(item_id=item.id, actor=ruby)

    clock.shift(seconds=91)
    with pytest.raises(DeadlinePassed):
        command(lambda: services.finish(item_id=item.id, actor=ruby), before=lambda: services.expire_due(ruby.pk))

    assert (again(item).state, available(alice), earned(ruby)) == (State.REFUNDED, 1000, 0)


def test_under_review_the_hold_waits_for_staff_and_then_goes_back(clock: Clock) -> None:
    ruby, alice = performer(abandon_policy=AbandonPolicy.REVIEW), person(tokens=1000)
    first = buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)
    services.abandon(item_id=first.id, actor=ruby, reason="power cut")
    assert (again(first).state, available(alice)) == (State.ABANDONED, 900)

    clock.shift(hours=24, seconds=1)
    services.expire_due(ruby.pk)

    assert (again(first).state, available(alice)) == (State.REFUNDED, 1000)


def test_staff_may_split_what_is_under_review() -> None:
    ruby, alice = performer(abandon_policy=AbandonPolicy.REVIEW), person(tokens=1000)
    item = buy(alice, ruby)
    services.start(item_id=item.id, actor=ruby)
    services.abandon(item_id=item.id, actor=ruby)

    services.resolve(item_id=item.id, actor=staff(), settle=40, refund=None, reason="half was seen")

    assert (again(item).state, available(alice), earned(ruby)) == (State.FINISHED, 960, 40)


def test_closing_refunds_everybody_but_the_started_item(clock: Clock) -> None:
    ruby, alice = performer(), person(tokens=1000)
    first, second, third = buy(alice, ruby), buy(alice, ruby), buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)

    services.close_queue(performer_id=ruby.pk, actor=ruby)

    assert [again(item).state for item in (first, second, third)] == ["started", "refunded", "refunded"]
    assert again(second).cause == "STREAM_ENDED"
    assert available(alice) == 900


def test_a_longest_wait_passes_for_any_created_item(clock: Clock) -> None:
    ruby, alice = performer(max_wait_s=3600, rope_drop_s=900), person(tokens=1000)
    first, second = buy(alice, ruby, duration_s=7000), buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)

    clock.shift(seconds=3601)
    services.sweep("test")

    assert (again(second).state, again(second).cause) == (State.REFUNDED, "MAX_WAIT_PASSED")
    assert again(first).state == State.STARTED


def test_each_notice_comes_once_per_item() -> None:
    from live.models import EventRow as Event

    ruby = performer(rope_drop_s=900)
    buyers = [person(tokens=100) for _ in range(4)]
    items = [buy(buyer, ruby) for buyer in buyers]
    for item in items:
        services.start(item_id=item.id, actor=ruby)
        services.finish(item_id=item.id, actor=ruby)

    for place, (buyer, _item) in enumerate(zip(buyers, items, strict=True)):
        keys = list(Event.objects.filter(recipient=buyer.pk).values_list("key", flat=True))
        assert keys.count("queue.item.next_notice") == 1
        assert keys.count("queue.item.third_position_notice") == (1 if place >= 2 else 0)


def test_a_hold_that_no_item_took_expires_after_five_minutes(clock: Clock) -> None:
    from tests.world import held

    ruby, alice = performer(), person(tokens=1000)
    held(alice, ruby)

    clock.shift(seconds=299)
    assert services.sweep("test") == 0
    clock.shift(seconds=2)
    assert services.sweep("test") == 1

    assert available(alice) == 1000
