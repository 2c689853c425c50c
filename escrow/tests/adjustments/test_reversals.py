"""Reversals, chargebacks and write-offs: exact, once, and refused as a whole."""

import pytest

import perfqueue.services
from core.ids import new_id
from escrow.models import Entry, Operation
from escrow.services import Currency, House, adjustments
from escrow.services.adjustments import Reversal, WriteOff
from escrow.tests.adjustments.steps import ask, bought, charge_back, reverse, settled
from escrow.tests.factories import balances, freeze, house, thaw
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_settlement_with_a_fee_is_reversed_to_the_token() -> None:
    buyer, performer = world.person(tokens=100), world.performer()
    operation = settled(buyer, performer, 100, 61, fee_bps=1_000)
    assert (balances(buyer), balances(performer), house(House.REVENUE)) == ((39, 0, 0, 0), (0, 0, 55, 0), 6)

    assert reverse(operation) == [None]

    assert (balances(buyer), balances(performer), house(House.REVENUE)) == ((100, 0, 0, 0), (0, 0, 0, 0), 0)
    assert Operation.objects.get(reverses_id=operation).hold_id is not None


def test_an_operation_is_reversed_once_for_ever() -> None:
    buyer = world.person()
    operation = bought(buyer, 50)
    first, again = (adjustments.reverse_many([Reversal(operation)])[0] for _ in range(2))

    assert (first.code, again.code, again.replayed, again.operation_id) == (None, None, True, first.operation_id)
    assert charge_back(operation).code == "INVALID_TRANSITION"
    assert balances(buyer) == (0, 0, 0, 0)


def test_a_list_reverses_the_others_when_one_is_refused() -> None:
    rich, poor = world.person(), world.person()
    kept, spent = bought(rich, 50), bought(poor, 50)
    settled(poor, House.REVENUE, 50, 50)

    assert reverse(spent, kept, new_id()) == ["INSUFFICIENT_BALANCE", None, "NOT_FOUND"]
    assert (balances(rich), balances(poor)) == ((0, 0, 0, 0), (0, 0, 0, 0))


@pytest.mark.parametrize("kind", ["hold", "refund", "payout", "reverse"])
def test_some_operations_are_not_reversed(kind: str) -> None:
    buyer, performer = world.person(tokens=100), world.performer()
    settled(buyer, performer, 60, 60)
    paid = ask(performer, 10)
    item = world.buy(buyer, performer, 40)
    opened = Operation.objects.get(hold_id=item.hold_id, kind="hold").pk
    undone = bought(buyer, 7)
    assert reverse(undone) == [None]
    perfqueue.services.leave(item_id=item.pk, actor=buyer)
    operations = {
        "hold": opened,
        "refund": Operation.objects.get(hold_id=item.hold_id, kind="refund").pk,
        "payout": paid.operation_id,
        "reverse": Operation.objects.get(reverses_id=undone).pk,
    }

    before = Entry.objects.count()
    assert reverse(operations[kind] or new_id()) == ["INVALID_TRANSITION"]
    assert Entry.objects.count() == before


def test_a_chargeback_takes_what_is_available_and_books_the_rest_as_owed() -> None:
    performer, fan = world.performer(), world.person(tokens=30)
    operation = bought(performer, 100)
    settled(fan, performer, 30, 30)
    settled(performer, House.REVENUE, 60, 60)
    assert balances(performer) == (40, 0, 30, 0)

    done = charge_back(operation)

    assert (done.code, done.taken, done.owed) == (None, 70, 30)
    assert balances(performer) == (0, 0, 0, 30)
    assert house(House.SALES) == 0


def test_later_income_pays_what_is_owed_first() -> None:
    buyer = world.person()
    operation = bought(buyer, 100)
    settled(buyer, House.REVENUE, 100, 100)
    charge_back(operation)

    bought(buyer, 30)
    assert balances(buyer) == (0, 0, 0, 70)
    bought(buyer, 100)
    assert balances(buyer) == (30, 0, 0, 0)


def test_a_wrong_chargeback_is_reversed_even_after_its_debt_was_paid() -> None:
    buyer = world.person()
    operation = bought(buyer, 100)
    settled(buyer, House.REVENUE, 80, 80)
    taken_back = charge_back(operation).operation_id
    bought(buyer, 50)
    assert balances(buyer) == (0, 0, 0, 30)

    assert taken_back is not None
    assert reverse(taken_back) == [None]

    assert balances(buyer) == (70, 0, 0, 0)


def test_a_frozen_wallet_is_charged_back_and_corrected_but_pays_nothing_out() -> None:
    performer = world.performer()
    first, second = bought(performer, 10), bought(performer, 20)
    freeze(performer)

    assert charge_back(first).code is None
    assert reverse(second) == [None]
    assert ask(performer, 5).code == "WALLET_FROZEN"
    thaw(performer)


def test_a_debt_is_written_off_to_losses_and_no_more_than_it() -> None:
    buyer = world.person()
    operation = bought(buyer, 100)
    settled(buyer, House.REVENUE, 100, 100)
    charge_back(operation)

    asked = [WriteOff(f"key-{n}", buyer.pk, Currency.TOKEN, amount) for n, amount in enumerate((101, 60, 41, 40))]
    done = adjustments.write_off_many(asked)

    assert [(each.code, each.owed) for each in done] == [
        ("INSUFFICIENT_BALANCE", 100),
        (None, 40),
        ("INSUFFICIENT_BALANCE", 40),
        (None, 0),
    ]
    assert house(House.LOSSES) == -100
    assert adjustments.write_off_many([asked[1]])[0].replayed
    assert adjustments.write_off_many([WriteOff("key-1", buyer.pk, Currency.TOKEN, 61)])[0].code == (
        "IDEMPOTENCY_KEY_REUSED"
    )
