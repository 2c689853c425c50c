"""The sweep: every overdue queue and hold, once, whatever fails beside it; by beat or by the command."""

import os
import signal
import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from core.errors import LedgerUnavailable
from core.models import Heartbeat
from escrow.errors import HoldClosed
from escrow.tests.factories import tampering
from perfqueue import services
from perfqueue.models import QueueItem, Strike
from perfqueue.services import sweeper
from perfqueue.services.expiry import expire_if_unlocked
from perfqueue.services.queues import locked_queue
from perfqueue.tasks import sweep
from tests.clock import Clock
from tests.world import again, available, buy, held, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_round_ends_everything_that_is_overdue_and_no_more(clock: Clock) -> None:
    ruby, jade = performer(rope_drop_s=30), performer(rope_drop_s=900)
    alice = person(tokens=1_000)
    late, behind, early = buy(alice, ruby), buy(alice, ruby), buy(alice, jade)
    held(alice, ruby)
    clock.shift(seconds=31)

    assert services.sweep("test") == 1
    assert [again(item).state for item in (late, behind, early)] == ["refunded", "created", "created"]

    clock.shift(seconds=270)
    assert services.sweep("test") == 2
    assert [again(item).state for item in (late, behind, early)] == ["refunded", "refunded", "created"]
    assert available(alice) == 900
    assert services.sweep("test") == 0


def test_a_passed_head_is_followed_by_the_next_with_a_rope_drop_of_its_own(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=30), person(tokens=1_000)
    items = [buy(alice, ruby) for _ in range(3)]

    for n, item in enumerate(items):
        clock.shift(seconds=31)
        assert services.sweep("test") == 1
        assert again(item).cause == "ROPE_DROP_EXPIRED"
        assert Strike.objects.count() == n + 1


def test_a_started_item_a_review_and_a_longest_wait_end_in_one_round(clock: Clock) -> None:
    ruby = performer(abandon_policy="review", max_wait_s=3_600, rope_drop_s=900)
    alice = person(tokens=1_000)
    reviewed = buy(alice, ruby)
    services.start(item_id=reviewed.id, actor=ruby)
    services.abandon(item_id=reviewed.id, actor=ruby)
    started, waits = buy(alice, ruby, duration_s=60), buy(alice, ruby)
    services.start(item_id=started.id, actor=ruby)

    clock.shift(hours=24, seconds=1)
    services.sweep("test")

    assert [again(item).state for item in (reviewed, started, waits)] == ["refunded", "abandoned", "refunded"]
    assert again(waits).cause == "MAX_WAIT_PASSED"
    clock.shift(hours=24, seconds=1)
    assert services.sweep("test") == 1
    assert available(alice) == 1_000


def test_a_locked_queue_is_left_to_the_next_round(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=30), person(tokens=100)
    buy(alice, ruby)
    clock.shift(seconds=31)
    locked, swept = threading.Event(), threading.Event()

    def busy() -> None:
        try:
            with locked_queue(ruby.pk):
                locked.set()
                assert swept.wait(timeout=20)
        finally:
            connection.close()

    worker = threading.Thread(target=busy)
    worker.start()
    assert locked.wait(timeout=20)
    found = services.sweep("test")
    swept.set()
    worker.join(timeout=20)

    assert found == 0
    assert services.sweep("test") == 1


@pytest.mark.tampers
def test_one_subject_that_fails_keeps_no_other_waiting(clock: Clock) -> None:
    """Neither another line, nor who stands behind it in its own."""
    ruby, jade = performer(rope_drop_s=30), performer(rope_drop_s=30)
    alice = person(tokens=1_000)
    broken, behind, sound = buy(alice, ruby), buy(alice, ruby), buy(alice, jade)
    break_hold_of(broken)
    clock.shift(hours=49)

    with pytest.raises(HoldClosed):
        services.sweep("test")

    assert [again(item).state for item in (broken, behind, sound)] == ["created", "refunded", "refunded"]
    assert Heartbeat.objects.filter(name="test").exists()


@pytest.mark.tampers
def test_a_queue_with_an_item_that_cannot_end_is_read_but_not_commanded(clock: Clock) -> None:
    """Those behind it end all the same."""
    ruby, alice = performer(rope_drop_s=30), person(tokens=1_000)
    broken, behind = buy(alice, ruby), buy(alice, ruby)
    break_hold_of(broken)
    clock.shift(hours=49)

    expired = expire_if_unlocked(ruby.pk)

    assert expired.ended == 1
    assert [type(each) for each in expired.failures.values()] == [HoldClosed]
    assert (again(broken).state, again(behind).state) == ("created", "refunded")
    with pytest.raises(HoldClosed):
        buy(alice, ruby)


@pytest.mark.tampers
def test_holds_that_cannot_end_keep_no_other_waiting(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "MAX_ROUND_HOLDS", 2)
    ruby, alice, bob = performer(), person("alice", tokens=1_000), person("bob", tokens=1_000)
    for _ in range(3):
        held(alice, ruby)
    clock.shift(seconds=1)
    for _ in range(3):
        held(bob, ruby)
    with tampering(), connection.cursor() as cursor:  # nothing of hers is held any more: her holds cannot end
        cursor.execute("UPDATE escrow_wallet SET held = 0 WHERE owner_id = %s", [alice.pk])
    clock.shift(hours=1)

    with monkeypatch.context() as patched:
        patched.setattr(sweeper, "MAX_ROUND_TRIES", 2)
        with pytest.raises(IntegrityError, match="escrow_balance_not_negative"):
            services.sweep("test")
        assert available(bob) == 700  # a round has an end
    for still_held in (100, 0):  # two a round
        with pytest.raises(IntegrityError, match="escrow_balance_not_negative"):
            services.sweep("test")
        assert available(bob) == 1_000 - still_held


def test_while_the_ledger_is_away_no_hold_after_the_first_is_tried(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruby, alice = performer(), person(tokens=1_000)
    for _ in range(3):
        held(alice, ruby)
    clock.shift(hours=1)
    tried = []

    def away(closes: object) -> None:
        tried.append(closes)
        raise LedgerUnavailable

    with monkeypatch.context() as patched:
        patched.setattr("escrow.services.close_many", away)
        with pytest.raises(LedgerUnavailable):
            services.sweep("test")

    assert (len(tried), available(alice)) == (1, 700)
    assert Heartbeat.objects.filter(name="test").exists()
    assert services.sweep("test") == 3
    assert available(alice) == 1_000


def break_hold_of(item: QueueItem) -> None:
    """Close the item's hold behind the ledger's back, so that nothing can end the item."""
    with tampering(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE escrow_hold SET status = 'REFUNDED', released = amount, closed_at = core_now() WHERE id = %s",
            [item.hold_id],
        )


def test_its_age_is_that_of_the_last_round_of_any_sweeper(clock: Clock) -> None:
    assert services.sweeper_age_s() is None
    services.sweep("one")
    clock.shift(seconds=60)
    assert 60 <= (services.sweeper_age_s() or 0) < 65
    services.sweep("other")
    assert 0 <= (services.sweeper_age_s() or 99) < 5
    assert sorted(Heartbeat.objects.values_list("name", flat=True)) == ["one", "other"]


def test_beat_and_the_command_do_the_same(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=30), person(tokens=200)
    buy(alice, ruby)
    clock.shift(seconds=31)
    assert sweep.run() == 1

    buy(alice, ruby)
    clock.shift(seconds=31)
    answers = StringIO()
    call_command("queue_sweeper", "--once", stdout=answers)

    assert answers.getvalue().strip() == "1"
    assert available(alice) == 200


def test_the_command_runs_until_a_signal_stops_it(clock: Clock) -> None:
    """The signal comes once the first round's heartbeat is seen from another connection."""
    ruby, alice = performer(rope_drop_s=30), person(tokens=100)
    buy(alice, ruby)
    clock.shift(seconds=31)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop() -> None:
        patience = threading.Event()
        try:
            while not Heartbeat.objects.filter(name="sweeper").exists():
                patience.wait(0.02)
        finally:
            connection.close()
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop)
    watcher.start()
    try:
        call_command("queue_sweeper", "--every", "0.01")
    finally:
        watcher.join(timeout=20)
        for number, handler in before.items():
            signal.signal(number, handler)

    assert available(alice) == 100
