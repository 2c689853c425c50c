"""Interleavings of two connections, in an order that the test sets, and in both orders where there are two."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

import perfqueue.services
from accounts.models import User
from core.db import command, rows
from core.ids import new_id
from escrow import services
from escrow.models import Hold, HoldStatus, Operation
from escrow.services import Close, Currency, Deposit, House, adjustments, operations
from escrow.services.adjustments import Reversal, WriteOff
from escrow.tests.factories import balances, finished, indebt, request, wallet
from perfqueue.models import QueueItem
from perfqueue.services import Intake
from perfqueue.services.intake import intake
from perfqueue.services.queues import locked_queue
from tests.clock import Clock
from tests.concurrency.test_deadlocks import deadlocks
from tests.interleaving import Concurrent
from tests.world import again, available, buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
Call = Callable[[], list[Any]]


class RolledBack(Exception):
    """The first one thinks better of it."""


def in_order(first: Callable[[], Any], second: Callable[[], Any], *, back: bool = False) -> tuple[Any, Any]:
    """Do `first`, let `second` wait for it, commit (or roll back); the answer of each."""
    try:
        with transaction.atomic():
            answers = first()
            other = Concurrent(second)
            other.assert_blocked()
            if back:
                raise RolledBack
    except RolledBack:
        pass
    return answers, other.result()


# --- twin keys ------------------------------------------------------------------------------------------------


def holding() -> Call:
    return partial(operations.hold_many, [request(person(tokens=500), performer(), 30)])


def depositing() -> Call:
    return partial(operations.deposit_many, [Deposit(str(new_id()), person().pk, Currency.TOKEN, 5, House.MINT)])


def closing() -> Call:
    hold_id = finished(person(tokens=100), performer(), 100, 61)
    return partial(services.close_many, [Close(str(hold_id), hold_id, 61, 39, 1_000)])


def undoing(how: Callable[[list[Reversal]], list[Any]]) -> Call:
    bought = services.deposit(Deposit(str(new_id()), person().pk, Currency.TOKEN, 70, House.SALES))
    return partial(how, [Reversal(bought.operation_id)])


def forgiving() -> Call:
    bob = person()
    indebt(bob, 50)
    return partial(adjustments.write_off_many, [WriteOff(str(new_id()), bob.pk, Currency.TOKEN, 20)])


KINDS: dict[str, Callable[[], Call]] = {
    "hold": holding,
    "deposit": depositing,
    "close": closing,
    "chargeback": partial(undoing, adjustments.chargeback_many),
    "reverse": partial(undoing, adjustments.reverse_many),
    "write_off": forgiving,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_concurrent_twin_waits_and_gets_the_first_ones_result(kind: str) -> None:
    move = KINDS[kind]()  # the same requests each time it is called
    before = Operation.objects.count()

    (answers,), (twin,) = in_order(move, move)

    assert (answers.code, answers.replayed, twin.code, twin.replayed) == (None, False, None, True)
    assert twin.operation_id == answers.operation_id
    assert Operation.objects.count() == before + 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_of_one_that_rolls_back_does_it(kind: str) -> None:
    move = KINDS[kind]()  # the same requests each time it is called
    before = Operation.objects.count()

    _, (twin,) = in_order(move, move, back=True)

    assert (twin.code, twin.replayed) == (None, False)
    assert Operation.objects.count() == before + 1


def test_a_chargeback_waits_for_a_reversal_of_the_same_payment_and_comes_too_late() -> None:
    alice = person()
    bought = services.deposit(Deposit(str(new_id()), alice.pk, Currency.TOKEN, 70, House.SALES))
    undo = [Reversal(bought.operation_id)]

    (answers,), (late,) = in_order(lambda: adjustments.reverse_many(undo), lambda: adjustments.chargeback_many(undo))

    assert (answers.code, late.code) == (None, "INVALID_TRANSITION")
    assert balances(alice) == (0, 0, 0, 0)


def test_two_spends_of_one_balance_one_behind_the_other() -> None:
    alice, ruby = person(tokens=100), performer()
    spend = [partial(operations.hold_many, [request(alice, ruby, 60)]) for _ in range(2)]

    (answers,), (late,) = in_order(*spend)

    assert (answers.code, late.code, late.available) == (None, "INSUFFICIENT_BALANCE", 40)


# --- expiry against intake ------------------------------------------------------------------------------------


def joining(alice: User, ruby: User, hold_id: Any) -> perfqueue.services.ItemFacts:
    key = str(new_id())
    payload = Intake(
        idempotency_key=key, source_feature="test", source_event_id=key, performer_id=ruby.pk, user_id=alice.pk,
        hold_id=hold_id, tokens=100, currency=Currency.TOKEN, title="A song",
    )  # fmt: skip
    with locked_queue(ruby.pk) as queue:
        return intake(payload, actor=alice, queue=queue).item


def test_an_expiry_behind_an_intake_finds_the_hold_taken(clock: Clock) -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = services.hold(request(alice, ruby, 100)).hold_id
    clock.shift(seconds=299)

    with transaction.atomic():
        item = joining(alice, ruby, hold_id)
        Concurrent(lambda: Clock(connection).shift(seconds=301)).result()  # for later connections only
        other = Concurrent(lambda: perfqueue.services.sweep("gated"))
        other.assert_blocked()

    assert other.result() == 0
    assert (again(item).state, Hold.objects.get().status, available(alice)) == ("created", HoldStatus.HELD, 0)


def test_an_intake_behind_an_expiry_finds_the_hold_closed(clock: Clock) -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = services.hold(request(alice, ruby, 100)).hold_id
    clock.shift(seconds=301)
    expiry = [Close(str(hold_id), hold_id, 0, 100, expired=True)]

    (answers,), late = in_order(
        lambda: services.close_many(expiry), lambda: command(lambda: joining(alice, ruby, hold_id))
    )

    assert (answers.code, type(late).__name__) == (None, "HoldClosed")
    assert (Hold.objects.get().status, available(alice)) == (HoldStatus.EXPIRED, 100)
    assert not QueueItem.objects.exists()


# --- settle against refund ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["finish", "refund", "abandon"])
@pytest.mark.parametrize("second", ["finish", "refund", "abandon"])
def test_an_ending_behind_another_finds_the_item_ended(first: str, second: str) -> None:
    alice, ruby = person(tokens=100), performer()
    item = buy(alice, ruby, 100)
    perfqueue.services.start(item_id=item.pk, actor=ruby)
    ends: dict[str, Callable[[], perfqueue.services.ItemFacts]] = {
        "finish": lambda: perfqueue.services.finish(item_id=item.pk, actor=ruby),
        "refund": lambda: perfqueue.services.refund(item_id=item.pk, actor=ruby, reason="goodwill"),
        "abandon": lambda: perfqueue.services.abandon(item_id=item.pk, actor=ruby),
    }

    answers, late = in_order(ends[first], lambda: command(ends[second]))

    assert (type(answers).__name__, type(late).__name__) == ("ItemFacts", "InvalidTransition")
    assert (available(alice), balances(ruby)[2]) == ((0, 100) if first == "finish" else (100, 0))


def test_two_closes_of_one_hold_with_two_keys_one_behind_the_other() -> None:
    """The ledger alone, without the queue's lock in front of it."""
    alice, ruby = person(tokens=100), performer()
    hold_id = finished(alice, ruby, 100, 61)

    (answers,), (late,) = in_order(
        lambda: services.close_many([Close("one", hold_id, 61, 39)]),
        lambda: services.close_many([Close("other", hold_id, 61, 39)]),
    )

    assert (answers.code, late.code) == (None, "HOLD_CLOSED")
    assert (available(alice), balances(ruby)[2]) == (39, 61)


# --- opposite orders ------------------------------------------------------------------------------------------


def test_lists_in_opposite_orders_wait_for_each_other_and_not_in_a_ring() -> None:
    """Somebody has the later wallet, so that whoever locks by the order of the list would stop half way."""
    low, high = sorted((person(tokens=100), person(tokens=100)), key=lambda who: wallet(who).pk)
    before = deadlocks()

    with transaction.atomic():
        lock(high)
        backwards = Concurrent(lambda: operations.hold_many([request(high, amount=10), request(low, amount=10)]))
        backwards.assert_blocked()
        forwards = Concurrent(lambda: operations.hold_many([request(low, amount=10), request(high, amount=10)]))
        forwards.assert_blocked()

    assert [each.code for other in (backwards, forwards) for each in other.result()] == [None] * 4
    assert (balances(low)[1], balances(high)[1]) == (20, 20)
    assert deadlocks() == before


def test_settlements_in_opposite_directions_wait_for_each_other_and_not_in_a_ring() -> None:
    low, high = sorted((performer(), performer()), key=lambda who: wallet(who).pk)
    for who in (low, high):
        services.deposit(Deposit(str(new_id()), who.pk, Currency.TOKEN, 100, House.MINT))
    there, back = finished(low, high, 10, 10), finished(high, low, 10, 10)
    before = deadlocks()

    with transaction.atomic():
        lock(high)
        backwards = Concurrent(lambda: services.close_many([Close("back", back, 10, 0), Close("there", there, 10, 0)]))
        backwards.assert_blocked()
        forwards = Concurrent(lambda: services.close_many([Close("there", there, 10, 0), Close("back", back, 10, 0)]))
        forwards.assert_blocked()

    assert [each.code for each in backwards.result()] == [None, None]
    assert [each.replayed for each in forwards.result()] == [True, True]
    assert (balances(low), balances(high)) == ((90, 0, 10, 0), (90, 0, 10, 0))
    assert deadlocks() == before


@pytest.mark.parametrize("first", ["hold", "close"])
def test_holds_and_settlements_over_the_same_wallets_wait_for_each_other_and_not_in_a_ring(first: str) -> None:
    low, high = sorted((person(tokens=200), person(tokens=200)), key=lambda who: wallet(who).pk)
    ended = [finished(who, House.REVENUE, 10, 10) for who in (high, low)]
    moves: dict[str, Call] = {
        "hold": partial(operations.hold_many, [request(who, amount=10) for who in (high, low)]),
        "close": partial(services.close_many, [Close(str(hold_id), hold_id, 10, 0) for hold_id in ended]),
    }
    before = deadlocks()

    with transaction.atomic():
        lock(high)
        one = Concurrent(moves.pop(first))
        one.assert_blocked()
        (move,) = moves.values()
        other = Concurrent(move)
        other.assert_blocked()

    assert [each.code for answers in (one.result(), other.result()) for each in answers] == [None] * 4
    assert deadlocks() == before


@pytest.mark.parametrize("payer_is", ["low", "high"])
def test_one_settlement_behind_a_list_over_its_two_wallets_waits_and_not_in_a_ring(payer_is: str) -> None:
    """Somebody has the earlier wallet; a settlement that took the later one first would keep it from the list."""
    low, high = sorted((performer(), performer()), key=lambda who: wallet(who).pk)
    for who in (low, high):
        services.deposit(Deposit(str(new_id()), who.pk, Currency.TOKEN, 100, House.MINT))
    payer, payee = (low, high) if payer_is == "low" else (high, low)
    hold_id = finished(payer, payee, 10, 10)
    before = deadlocks()

    with transaction.atomic():
        lock(low)
        listed = Concurrent(lambda: operations.hold_many([request(low, amount=10), request(high, amount=10)]))
        listed.assert_blocked()
        settled = Concurrent(lambda: services.close_many([Close(str(hold_id), hold_id, 10, 0)]))
        settled.assert_blocked()

    assert [each.code for answers in (listed.result(), settled.result()) for each in answers] == [None] * 3
    assert (balances(payer), balances(payee)) == ((80, 10, 0, 0), (90, 10, 10, 0))
    assert deadlocks() == before


def test_control_locks_in_the_order_of_a_list_end_in_a_ring() -> None:
    low, high = sorted((person(tokens=100), person(tokens=100)), key=lambda who: wallet(who).pk)

    def one_by_one(*people: User) -> str:
        with transaction.atomic():
            for who in people:
                lock(who)
        return "done"

    with transaction.atomic():
        lock(high)
        backwards = Concurrent(partial(one_by_one, high, low))
        backwards.assert_blocked()
        forwards = Concurrent(partial(one_by_one, low, high))
        forwards.assert_blocked()

    answers = [str(backwards.result()), str(forwards.result())]
    assert sum("deadlock detected" in each for each in answers) == 1
    assert answers.count("done") == 1


def lock(who: User) -> None:
    rows("SELECT id FROM escrow_wallet WHERE id = %s FOR NO KEY UPDATE", [wallet(who).pk])


def test_a_step_that_does_not_wait_fails() -> None:
    """Else the tests above could pass without any interleaving."""
    other = Concurrent(lambda: rows("SELECT 1 AS one"))

    with pytest.raises(AssertionError, match="did not wait"):
        other.assert_blocked()
    assert other.result() == [{"one": 1}]
    assert connection.connection is not None
