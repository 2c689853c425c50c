"""A balance is spent once under concurrent spends."""

from collections.abc import Callable

import pytest

from core.ids import new_id
from escrow import services
from escrow.services import Currency, Deposit, House
from tests.concurrency.naive import Twin
from tests.racing import names, race
from tests.world import available, buy, held, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def test_two_spends_of_one_balance() -> None:
    """Two queues, so that nothing but the wallet's lock can keep them apart."""
    ruby, jade = performer(), performer()

    for _ in range(ROUNDS):
        alice = person(tokens=100)
        outcomes = race(lambda: buy(alice, ruby, 100), lambda: buy(alice, jade, 100))  # noqa: B023  runs at once

        assert names(outcomes) == {"QueueItem": 1, "InsufficientBalance": 1}
        assert available(alice) == 0


def test_control_two_naive_spends_of_one_balance_both_succeed(twin: Callable[..., Twin]) -> None:
    wallet = twin(attempts=2, available=100, spent=0)

    def spend() -> bool:
        return wallet.attempt(lambda seen: seen["available"] >= 100, "available = available - 100, spent = spent + 100")

    assert race(spend, spend) == [True, True]
    assert wallet.facts() == {"available": -100, "spent": 200}


def test_many_spends_stop_exactly_at_the_balance() -> None:
    alice, ruby = person(tokens=55), performer()

    outcomes = race(*[lambda: held(alice, ruby, 10)] * 12)

    assert names(outcomes) == {"HoldResult": 5, "InsufficientBalance": 7}
    wallet = services.wallets_of(alice.pk)[0]
    assert (wallet.available, wallet.held, wallet.version) == (5, 50, 6)


def test_spends_and_credits_of_one_wallet_lose_nothing() -> None:
    alice, ruby = person(tokens=100), performer()

    def credit() -> object:
        return services.deposit(Deposit(str(new_id()), alice.pk, Currency.TOKEN, 7, House.MINT))

    outcomes = race(*[lambda: held(alice, ruby, 10), credit] * 6)

    assert names(outcomes) == {"HoldResult": 6, "CreditResult": 6}
    assert available(alice) == 100 - 60 + 42


def test_two_who_pay_each_other_meet_in_no_deadlock() -> None:
    """Wallets are locked in the order of their ids, whoever pays whom."""
    from escrow.services import Close
    from escrow.tests.factories import finished

    ruby, jade = performer(), performer()
    for who in (ruby, jade):
        services.deposit(Deposit(str(new_id()), who.pk, Currency.TOKEN, 1_000, House.MINT))

    for number in range(ROUNDS):
        there, back = finished(ruby, jade, 10, 10), finished(jade, ruby, 10, 10)
        outcomes = race(
            lambda: services.close_many([Close(f"there {number}", there, 10, 0)]),  # noqa: B023
            lambda: services.close_many([Close(f"back {number}", back, 10, 0)]),  # noqa: B023
        )
        assert names(outcomes) == {"list": 2}

    assert (available(ruby), available(jade)) == (950, 950)
