"""escrow_hold and escrow_credit: a code per element, later elements see earlier ones, once per key."""

import threading
from dataclasses import replace

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts.models import User
from core.db import rows
from core.errors import IdempotencyKeyReused
from core.ids import new_id
from escrow import services
from escrow.errors import InsufficientBalance, WalletFrozen, WalletUnknown
from escrow.models import Entry, Hold, HoldStatus, Operation
from escrow.services import Award, Currency, Deposit, House, adjustments, operations
from escrow.tests.factories import balances, finished, freeze, house, indebt, request, wallet
from tests.racing import names, race
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def written() -> tuple[int, int, int]:
    return Hold.objects.count(), Operation.objects.count(), Entry.objects.count()


def a_stranger_without_wallets() -> User:
    return User.objects.create(username="stranger")


def test_a_hold_moves_what_is_available_into_escrow() -> None:
    alice, ruby = person(tokens=250), performer()
    asked = request(alice, ruby, 100, source_event_id="e-1", reason="A song")

    opened = services.hold(asked)

    assert (opened.code, opened.hold_id, opened.available, opened.held, opened.replayed) == (
        None,
        asked.hold_id,
        150,
        100,
        False,
    )
    assert balances(alice) == (150, 100, 0, 0)
    hold = Hold.objects.get()
    assert (hold.payer_id, hold.payee_id, hold.payee_house, hold.amount) == (alice.pk, ruby.pk, None, 100)
    assert (hold.status, hold.captured, hold.released, hold.source_event_id) == (HoldStatus.HELD, 0, 0, "e-1")
    assert hold.expires_at is not None
    assert (hold.expires_at - hold.created_at).total_seconds() == 300


def test_each_element_of_a_list_has_its_own_outcome_and_sees_the_earlier_ones() -> None:
    alice, bob, frozen = person(tokens=250), person(tokens=10), person(tokens=500)
    freeze(frozen)
    asked = [
        request(alice, amount=100),
        request(bob, amount=11),
        request(alice, amount=100),
        request(alice, amount=100),
        request(frozen, amount=1),
        request(a_stranger_without_wallets(), amount=1),
        request(alice, amount=50),
        request(bob, amount=10),
    ]

    found = operations.hold_many(asked)

    assert [each.code for each in found] == [
        None,
        "INSUFFICIENT_BALANCE",
        None,
        "INSUFFICIENT_BALANCE",
        "WALLET_FROZEN",
        "WALLET_UNKNOWN",
        None,
        None,
    ]
    assert [(each.available, each.held) for each in found] == [
        (150, 100),
        (10, 0),
        (50, 200),
        (50, 200),
        (500, 0),
        (0, 0),
        (0, 250),
        (0, 10),
    ]
    assert [each.hold_id for each in found] == [each.hold_id for each in asked]
    assert set(Hold.objects.values_list("id", flat=True)) == {asked[n].hold_id for n in (0, 2, 6, 7)}
    assert [wallet(who).version for who in (alice, bob, frozen)] == [4, 2, 1]


def test_currencies_are_separate_wallets() -> None:
    alice = person(tokens=100, points=100)

    found = operations.hold_many([request(alice, currency=Currency.POINT), request(alice, currency=Currency.POINT)])

    assert [each.code for each in found] == [None, "INSUFFICIENT_BALANCE"]
    assert balances(alice) == (100, 0, 0, 0)


def test_a_replay_returns_the_first_result_and_moves_nothing() -> None:
    alice = person(tokens=250)
    asked = request(alice, amount=100)
    first = services.hold(asked)
    services.hold(request(alice, amount=30))
    before = written()

    again = services.hold(replace(asked, hold_id=new_id()))

    assert again == replace(first, replayed=True)
    assert written() == before
    assert balances(alice) == (120, 130, 0, 0)


def test_within_one_list_the_second_use_of_a_key_is_a_replay() -> None:
    asked = request(person(tokens=100), amount=60)

    first, second = operations.hold_many([asked, replace(asked, hold_id=new_id())])

    assert (first.replayed, second.replayed) == (False, True)
    assert second.hold_id == first.hold_id == Hold.objects.get().pk


def test_within_one_list_the_first_of_two_wallets_that_can_pay_has_the_key() -> None:
    alice, bob, carol = person(tokens=50), person(tokens=200), person(tokens=200)
    asked = [request(alice, amount=100), request(bob, amount=100), request(carol, amount=100), request(bob, amount=100)]
    one_key = [replace(each, key="one") for each in asked]

    answers = operations.hold_many(one_key)

    assert [each.code for each in answers] == ["INSUFFICIENT_BALANCE", None, "IDEMPOTENCY_KEY_REUSED", None]
    assert [each.replayed for each in answers] == [False, False, False, True]
    assert [balances(who)[:2] for who in (alice, bob, carol)] == [(50, 0), (100, 100), (200, 0)]


def test_results_of_a_long_list_over_few_wallets_are_in_its_order() -> None:
    people = [person(tokens=500) for _ in range(3)]
    asked = [request(people[n * n % 3], amount=n + 1) for n in range(50)]

    answers = operations.hold_many(asked)

    assert [each.hold_id for each in answers] == [each.hold_id for each in asked]
    left = {who.pk: 500 for who in people}
    for wanted, each in zip(asked, answers, strict=True):
        fits = left[wanted.payer_id] >= wanted.amount
        left[wanted.payer_id] -= wanted.amount * fits
        assert (each.code, each.available) == (None if fits else "INSUFFICIENT_BALANCE", left[wanted.payer_id])
    assert [balances(who)[0] for who in people] == list(left.values())


def test_a_reused_key_in_a_list_is_refused_with_the_balances_before_it() -> None:
    alice = person(tokens=100)
    first = request(alice, amount=10)
    services.hold(first)

    answers = operations.hold_many([replace(first, amount=11), request(alice, amount=20), first])

    assert [each.code for each in answers] == ["IDEMPOTENCY_KEY_REUSED", None, None]
    assert [(each.available, each.held) for each in answers] == [(90, 10), (70, 30), (90, 10)]
    assert [each.replayed for each in answers] == [False, False, True]


def test_an_empty_list_moves_nothing() -> None:
    before = written()

    assert operations.hold_many([]) == []
    assert operations.deposit_many([]) == []
    assert services.award_many([]) == []
    assert services.close_many([]) == []
    assert adjustments.reverse_many([]) == []
    assert adjustments.chargeback_many([]) == []
    assert adjustments.write_off_many([]) == []
    assert adjustments.request_payouts([], minimum=1) == []
    assert adjustments.decide_payouts([]) == []
    assert adjustments.repair_many([]) == []
    assert written() == before


def test_a_key_used_for_another_hold_is_refused_but_keys_of_features_are_their_own() -> None:
    alice, bob = person(tokens=500), person(tokens=500)
    asked = request(alice, amount=100)
    services.hold(asked)

    others = [
        replace(asked, amount=101),
        replace(asked, payer_id=bob.pk),
        replace(asked, payee=request(alice, House.SLOTS_BANK).payee),
        replace(asked, currency=Currency.POINT),
    ]
    assert [each.code for each in operations.hold_many(others)] == ["IDEMPOTENCY_KEY_REUSED"] * 4
    with pytest.raises(IdempotencyKeyReused):
        services.hold(others[0])

    assert services.hold(replace(asked, hold_id=new_id(), feature="other")).replayed is False


@pytest.mark.parametrize("kind", ["hold", "deposit"])
def test_a_key_that_another_payers_operation_takes_meanwhile_is_a_refusal(kind: str) -> None:
    """Their wallets' locks do not meet, so both look the key up before either has written it."""
    alice, bob = person(tokens=500), person(tokens=500)
    written_first, key = threading.Event(), str(new_id())

    def move(user: User) -> None:
        if kind == "hold":
            services.hold(request(user, key=key))
        else:
            services.deposit(Deposit(key, user.pk, Currency.TOKEN, 5, House.SALES))

    def first() -> str:
        with transaction.atomic():
            move(alice)
            written_first.set()
            while not rows("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"):
                threading.Event().wait(0.01)  # until the other waits for this transaction
        return "moved"

    def second() -> str:
        assert written_first.wait(timeout=20)
        move(bob)
        return "moved"

    outcomes = race(first, second)

    assert names(outcomes) == {"str": 1, "IdempotencyKeyReused": 1}
    assert balances(bob) == (500, 0, 0, 0)


def test_twins_wait_for_each_other_and_one_of_them_moves_the_money() -> None:
    alice = person(tokens=1_000)
    asked = request(alice, amount=100)

    outcomes = race(*[lambda: services.hold(replace(asked, hold_id=new_id()))] * 10)

    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 9
    assert len({(each.operation_id, each.hold_id, each.available, each.held) for each in outcomes}) == 1
    assert balances(alice) == (900, 100, 0, 0)


def test_a_single_call_raises_its_refusal() -> None:
    alice = person(tokens=99)

    with pytest.raises(InsufficientBalance) as refused:
        services.hold(request(alice, amount=100))
    assert refused.value.details == {"needed": 100, "available": 99, "currency": "TOKEN"}
    with pytest.raises(WalletUnknown):
        services.hold(request(a_stranger_without_wallets()))
    freeze(alice)
    with pytest.raises(WalletFrozen):
        services.hold(request(alice, amount=1))
    assert not Hold.objects.exists()


@pytest.mark.parametrize("amount", [0, -1, 1_000_000_001])
def test_amounts_out_of_range_are_defects(amount: int) -> None:
    alice = person(tokens=10)

    with pytest.raises(IntegrityError):
        services.hold(request(alice, amount=amount) if amount < 10 else request(rich(), amount=amount))
    with pytest.raises(IntegrityError):
        services.deposit(Deposit("k", alice.pk, Currency.TOKEN, amount, House.MINT))


def rich() -> User:
    user = person(tokens=1_000_000_000)
    services.deposit(Deposit(str(new_id()), user.pk, Currency.TOKEN, 1_000_000_000, House.MINT))
    return user


def test_a_payee_is_a_performer_or_a_house_account_and_not_the_payer() -> None:
    alice = person(tokens=100)

    with pytest.raises(DatabaseError):
        services.hold(request(alice, alice))
    for user_id, account in ((None, None), (alice.pk, House.REVENUE)):
        with pytest.raises(ValueError, match="payee"):
            services.Payee(user_id, account)


def test_a_deposit_comes_from_a_house_account_and_pays_debts_first() -> None:
    alice = person()
    indebt(alice, 70)

    first = services.deposit(Deposit("k-1", alice.pk, Currency.TOKEN, 50, House.SALES))
    second = services.deposit(Deposit("k-2", alice.pk, Currency.TOKEN, 50, House.SALES))

    assert (first.available, second.available) == (0, 30)
    assert balances(alice) == (30, 0, 0, 0)
    assert house(House.SALES) == -100


def test_a_deposit_is_made_once_and_refused_in_the_same_ways() -> None:
    alice = person()
    asked = Deposit("k-1", alice.pk, Currency.TOKEN, 50, House.SALES)
    first = services.deposit(asked)

    assert services.deposit(asked) == replace(first, replayed=True)
    with pytest.raises(IdempotencyKeyReused):
        services.deposit(replace(asked, amount=51))
    with pytest.raises(WalletUnknown):
        services.deposit(replace(asked, key="k-2", owner_id=a_stranger_without_wallets().pk))
    freeze(alice)
    with pytest.raises(WalletFrozen):
        services.deposit(replace(asked, key="k-3"))
    assert balances(alice) == (50, 0, 0, 0)


def test_awards_come_from_the_slots_bank_each_with_its_own_outcome() -> None:
    alice, frozen = person(points=5), person()
    hold_id = finished(person(tokens=1), House.SLOTS_BANK, 1, 1)
    freeze(frozen)
    asked = [
        Award("a-1", alice.pk, 200, hold_id),
        Award("a-2", frozen.pk, 200, hold_id),
        Award("a-1", alice.pk, 200, hold_id),
        Award("a-1", alice.pk, 201, hold_id),
        Award("a-3", alice.pk, 10, hold_id),
    ]

    found = services.award_many(asked)

    assert [each.code for each in found] == [None, "WALLET_FROZEN", None, "IDEMPOTENCY_KEY_REUSED", None]
    assert [each.available for each in found] == [205, 0, 205, 0, 215]
    assert [each.replayed for each in found] == [False, False, True, False, False]
    assert house(House.SLOTS_BANK) == -210
    services.close_many([services.Close("c", hold_id, 1, 0)])
