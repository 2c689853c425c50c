"""escrow_close: settle, split, refund and expire, in full, once, less the fee."""

from dataclasses import replace

import pytest

from core.ids import new_id
from escrow import services
from escrow.models import Entry, Hold, HoldStatus, Operation
from escrow.services import Close, House
from escrow.tests.factories import balances, finished, freeze, house, indebt, refunded, request, thaw
from tests.clock import Clock
from tests.racing import race
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_split_pays_the_fee_on_what_is_settled_only() -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = finished(alice, ruby, 100, 61)

    (closed,) = services.close_many([Close("k", hold_id, 61, 39, fee_bps=1000)])

    assert (closed.code, closed.fee, closed.available, closed.replayed) == (None, 6, 39, False)
    assert (balances(alice), balances(ruby)) == ((39, 0, 0, 0), (0, 0, 55, 0))
    assert house(House.REVENUE) == 6
    hold = Hold.objects.get()
    assert (hold.status, hold.captured, hold.released) == (HoldStatus.SPLIT, 61, 39)
    assert hold.closed_at is not None


@pytest.mark.parametrize(
    ("amount", "settle", "bps", "fee"),
    [
        (1, 1, 9_999, 0),
        (1, 1, 10_000, 1),
        (3, 2, 5_000, 1),
        (99, 99, 100, 0),
        (100, 100, 100, 1),
        (100, 100, 10_000, 100),
        (1_000_000_000, 999_999_999, 3_333, 333_299_999),
    ],
)
def test_the_fee_is_rounded_down_and_nothing_is_lost(amount: int, settle: int, bps: int, fee: int) -> None:
    alice, ruby = person(tokens=amount), performer()
    hold_id = finished(alice, ruby, amount, settle)

    (closed,) = services.close_many([Close("k", hold_id, settle, amount - settle, fee_bps=bps)])

    assert closed.fee == fee
    assert balances(alice) == (amount - settle, 0, 0, 0)
    assert balances(ruby) == (0, 0, settle - fee, 0)
    assert house(House.REVENUE) == fee


def test_the_house_pays_no_fee() -> None:
    hold_id = finished(person(tokens=100), House.SLOTS_BANK, 100, 100)

    (closed,) = services.close_many([Close("k", hold_id, 100, 0, fee_bps=1000)])

    assert closed.fee == 0
    assert (house(House.SLOTS_BANK), house(House.REVENUE)) == (100, 0)


def test_what_is_credited_pays_debts_first_on_both_sides() -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = finished(alice, ruby, 100, 60)
    indebt(alice, 30)
    indebt(ruby, 50)

    services.close_many([Close("k", hold_id, 60, 40, fee_bps=1000)])

    assert balances(alice) == (10, 0, 0, 0)
    assert balances(ruby) == (0, 0, 4, 0)


def test_a_debt_larger_than_the_credit_takes_it_all() -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = finished(alice, ruby, 100, 60)
    indebt(alice, 41)
    indebt(ruby, 61)

    (closed,) = services.close_many([Close("k", hold_id, 60, 40)])

    assert closed.available == 0
    assert (balances(alice), balances(ruby)) == ((0, 0, 0, 1), (0, 0, 0, 1))


def test_each_element_of_a_list_has_its_own_outcome_and_sees_the_earlier_ones() -> None:
    alice, bob, ruby, frozen = person(tokens=500), person(tokens=500), performer(), performer()
    whole, part = finished(alice, ruby, 100, 100), finished(alice, ruby, 50, 20)
    back, stuck = refunded(bob, ruby, 30), finished(bob, frozen, 40, 40)
    freeze(frozen)

    found = services.close_many(
        [
            Close("whole", whole, 100, 0),
            Close("whole again", whole, 100, 0),
            Close("part", part, 21, 30),
            Close("part", part, 19, 30),
            Close("part", part, 20, 30),
            Close("nothing", new_id(), 1, 0),
            Close("stuck", stuck, 40, 0),
            Close("back", back, 0, 30),
            Close("back", back, 0, 30),
            Close("back", back, 0, 29),
            Close("negative", stuck, -1, 41),
        ]
    )

    assert [each.code for each in found] == [
        None,
        "HOLD_CLOSED",
        "SPLIT_MISMATCH",
        "SPLIT_MISMATCH",
        None,
        "NOT_FOUND",
        "WALLET_FROZEN",
        None,
        None,
        "IDEMPOTENCY_KEY_REUSED",
        "SPLIT_MISMATCH",
    ]
    assert [each.replayed for each in found] == [False] * 8 + [True, False, False]
    assert [found[n].available for n in (0, 4, 7, 8)] == [350, 380, 460, 460]
    assert balances(ruby) == (0, 0, 120, 0)
    assert Hold.objects.get(pk=stuck).status == HoldStatus.HELD
    kinds = Operation.objects.exclude(kind__in=("hold", "deposit")).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["settle", "split", "refund"]
    thaw(frozen)
    assert services.close_many([Close("stuck", stuck, 40, 0)])[0].code is None


def test_a_frozen_wallet_still_gets_refunds() -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = refunded(alice, ruby, 100)
    freeze(alice)
    freeze(ruby)

    (closed,) = services.close_many([Close("k", hold_id, 0, 100)])

    assert (closed.code, balances(alice)) == (None, (100, 0, 0, 0))


def test_a_replay_returns_the_first_result_with_its_fee() -> None:
    alice, ruby = person(tokens=500), performer()
    hold_id = finished(alice, ruby, 100, 61)
    close = Close("k", hold_id, 61, 39, fee_bps=1000)
    (first,) = services.close_many([close])
    services.hold(request(alice, amount=400))
    entries = Entry.objects.count()

    (again,) = services.close_many([close])

    assert again == replace(first, replayed=True)
    assert (again.fee, again.available) == (6, 439)
    assert Entry.objects.count() == entries


def test_a_key_used_for_another_close_is_refused() -> None:
    alice, ruby = person(tokens=500), performer()
    close = Close("k", finished(alice, ruby, 100, 61), 61, 39, fee_bps=1000)
    services.close_many([close])

    others = [replace(close, settle=60, refund=40), replace(close, fee_bps=999), replace(close, hold_id=new_id())]

    assert [each.code for each in services.close_many(others)] == ["IDEMPOTENCY_KEY_REUSED"] * 3


def test_twins_wait_for_each_other_and_one_of_them_moves_the_money() -> None:
    alice, ruby = person(tokens=100), performer()
    close = Close("k", finished(alice, ruby, 100, 61), 61, 39, fee_bps=1000)

    outcomes = race(*[lambda: services.close_many([close])[0]] * 8)

    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 7
    assert {(each.code, each.fee, each.available) for each in outcomes} == {(None, 6, 39)}
    assert balances(ruby) == (0, 0, 55, 0)


def test_an_expired_hold_is_refunded_in_full(clock: Clock) -> None:
    alice = person(tokens=100)
    hold_id = services.hold(request(alice, performer(), 100, expires_in_s=60)).hold_id
    assert services.expired_holds(10) == []
    clock.shift(seconds=61)
    assert [each.id for each in services.expired_holds(10)] == [hold_id]

    (closed,) = services.close_many([Close("k", hold_id, 0, 100, expired=True)])

    assert closed.code is None
    assert Hold.objects.get().status == HoldStatus.EXPIRED
    assert balances(alice) == (100, 0, 0, 0)
    assert [(step.operation, step.amount) for step in services.trail([hold_id])[hold_id]] == [
        ("hold", 100),
        ("expire", 100),
    ]


def test_the_trail_of_a_split_is_a_settle_and_a_refund() -> None:
    alice, ruby = person(tokens=100), performer()
    hold_id = finished(alice, ruby, 100, 61)
    services.close_many([Close("k", hold_id, 61, 39)])

    steps = services.trail([hold_id])[hold_id]

    assert [(step.operation, step.amount) for step in steps] == [("hold", 100), ("settle", 61), ("refund", 39)]
    assert services.trail([]) == {}


def test_every_entry_of_a_wallet_continues_the_one_before() -> None:
    alice, ruby = person(tokens=500), performer()
    for settle in (10, 50, 100):
        services.close_many([Close(str(settle), finished(alice, ruby, 100, settle), settle, 100 - settle)])

    entries = list(Entry.objects.filter(wallet__owner=alice, currency="TOKEN").order_by("version"))

    assert [entry.version for entry in entries] == list(range(1, 8))
    balance = 0
    for entry in entries:
        balance += entry.d_available
        assert entry.available_after == balance
