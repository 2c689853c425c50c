"""What people decide: undoing, chargebacks, write-offs, payouts, repairs. Each is exact, once, and refused whole."""

from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

import perfqueue.services
from accounts.models import User
from core.ids import new_id
from escrow import services
from escrow.models import Entry, Operation, Payout
from escrow.services import Close, Currency, Deposit, House, adjustments
from escrow.services.adjustments import PayoutDecision, PayoutRequest, Repair, Reversal, WriteOff
from escrow.tests.moving import balances, finished, freeze, house, indebt, tampering, thaw, wallet
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def bought(owner: User, amount: int) -> UUID:
    """Tokens from a package; the deposit's id."""
    return services.deposit(Deposit(str(new_id()), owner.pk, Currency.TOKEN, amount, House.SALES)).operation_id


def settled(payer: User, payee: User | House, amount: int, settle: int, fee_bps: int = 0) -> UUID:
    """A hold closed with `settle`; the closing operation's id."""
    hold_id = finished(payer, payee, amount, settle)
    (closed,) = services.close_many([Close(str(hold_id), hold_id, settle, amount - settle, fee_bps)])
    assert closed.code is None
    return closed.operation_id


def reverse(*operations: UUID) -> list[str | None]:
    return [each.code for each in adjustments.reverse_many([Reversal(each, reason="test") for each in operations])]


def charge_back(operation: UUID) -> adjustments.ChargebackResult:
    (done,) = adjustments.chargeback_many([Reversal(operation)])
    return done


def ask(performer: User, amount: int, key: str = "", minimum: int = 1) -> adjustments.PayoutResult:
    (done,) = adjustments.request_payouts(
        [PayoutRequest(new_id(), key or str(new_id()), performer.pk, amount)], minimum=minimum
    )
    return done


def decide(payout_id: UUID | None, actor: User, *, approve: bool) -> adjustments.AdjustmentResult:
    assert payout_id is not None
    (done,) = adjustments.decide_payouts([PayoutDecision(payout_id, approve, actor.pk, "because")])
    return done


def test_a_settlement_with_a_fee_is_undone_to_the_token() -> None:
    buyer, performer = world.person(tokens=100), world.performer()
    operation = settled(buyer, performer, 100, 61, fee_bps=1_000)
    assert (balances(buyer), balances(performer), house(House.REVENUE)) == ((39, 0, 0, 0), (0, 0, 55, 0), 6)

    assert reverse(operation) == [None]

    assert (balances(buyer), balances(performer), house(House.REVENUE)) == ((100, 0, 0, 0), (0, 0, 0, 0), 0)
    assert Operation.objects.get(reverses_id=operation).hold_id is not None


def test_what_is_undone_once_is_undone_for_ever() -> None:
    buyer = world.person()
    operation = bought(buyer, 50)
    first, again = (adjustments.reverse_many([Reversal(operation)])[0] for _ in range(2))

    assert (first.code, again.code, again.replayed, again.operation_id) == (None, None, True, first.operation_id)
    assert charge_back(operation).code == "INVALID_TRANSITION"
    assert balances(buyer) == (0, 0, 0, 0)


def test_a_list_undoes_the_others_when_one_is_refused() -> None:
    rich, poor = world.person(), world.person()
    kept, spent = bought(rich, 50), bought(poor, 50)
    settled(poor, House.REVENUE, 50, 50)

    assert reverse(spent, kept, new_id()) == ["INSUFFICIENT_BALANCE", None, "NOT_FOUND"]
    assert (balances(rich), balances(poor)) == ((0, 0, 0, 0), (0, 0, 0, 0))


@pytest.mark.parametrize("kind", ["hold", "refund", "payout", "reverse"])
def test_some_operations_are_not_undone(kind: str) -> None:
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


def test_a_chargeback_takes_what_is_there_and_books_the_rest_as_owed() -> None:
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


def test_a_chargeback_that_was_wrong_is_undone_even_after_its_debt_was_paid() -> None:
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


def test_a_payout_leaves_at_once_and_comes_back_when_rejected() -> None:
    buyer, performer, finance = world.person(tokens=300), world.performer(), world.staff("finance")
    settled(buyer, performer, 300, 300)

    asked = ask(performer, 200, "the-payout", minimum=100)
    assert (asked.code, asked.earned, house(House.PAYOUTS)) == (None, 100, 200)
    again = ask(performer, 200, "the-payout", minimum=100)
    assert (again.replayed, again.payout_id) == (True, asked.payout_id)
    assert ask(performer, 99, minimum=100).code == "PAYOUT_TOO_SMALL"
    assert ask(performer, 101, minimum=100).code == "INSUFFICIENT_BALANCE"
    assert ask(performer, 100, minimum=100).code is None  # the least that may be asked for, and all that is left
    assert house(House.PAYOUTS) == 300

    assert decide(asked.payout_id, finance, approve=False).code is None
    assert (balances(performer), house(House.PAYOUTS)) == ((0, 0, 200, 0), 100)
    assert decide(asked.payout_id, finance, approve=False).replayed
    assert decide(asked.payout_id, finance, approve=True).code == "APPROVAL_CLOSED"


def test_what_is_owed_is_kept_back_from_a_payout() -> None:
    """Somebody who has earned owes again when the write-off of an old debt is undone."""
    buyer, performer = world.person(tokens=100), world.performer()
    indebt(performer, 50)
    (given_up,) = adjustments.write_off_many([WriteOff("w", performer.pk, Currency.TOKEN, 50)])
    settled(buyer, performer, 100, 100)
    assert given_up.operation_id is not None
    assert reverse(given_up.operation_id) == [None]
    assert balances(performer) == (0, 0, 100, 50)

    assert ask(performer, 51).code == "INSUFFICIENT_BALANCE"
    assert ask(performer, 50).code is None


def test_an_approved_payout_is_final() -> None:
    buyer, performer, finance = world.person(tokens=300), world.performer(), world.staff("finance")
    settled(buyer, performer, 300, 300)
    asked = ask(performer, 300)

    assert decide(asked.payout_id, finance, approve=True).code is None
    assert decide(asked.payout_id, finance, approve=False).code == "APPROVAL_CLOSED"

    assert (balances(performer), house(House.PAYOUTS)) == ((0, 0, 0, 0), 300)
    assert decide(new_id(), finance, approve=True).code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE escrow_payout SET status = 'approved', decided_at = core_now()", "functions only"),
        ("INSERT INTO escrow_payout (id, performer_id, amount, operation_id) SELECT gen_random_uuid(), performer_id,"
         " 5, operation_id FROM escrow_payout", "functions only"),
        ("DELETE FROM escrow_payout", "append-only"),
        ("SELECT escrow_book(gen_random_uuid(), id, 5, 0, 0, 'mint', core_now()) FROM escrow_wallet", "functions only"),
    ],
)  # fmt: skip
def test_raw_sql_pays_nobody_out(sql: str, told: str) -> None:
    buyer, performer = world.person(tokens=300), world.performer()
    settled(buyer, performer, 300, 300)
    ask(performer, 300)

    with pytest.raises(IntegrityError, match=told), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Payout.objects.get().status == "requested"


def test_a_wallet_changed_from_outside_is_led_back_to_its_entries() -> None:
    buyer = world.person(tokens=100)
    found = wallet(buyer)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 1000 WHERE id = %s", [found.pk])
    assert [each.check for each in services.verify()] == ["V2"]

    done, nothing, unknown = adjustments.repair_many(
        [Repair(found.pk, reason="tampered"), Repair(found.pk), Repair(new_id())]
    )

    assert (done.code, nothing.code, unknown.code) == (None, "INVALID_TRANSITION", "NOT_FOUND")
    assert balances(buyer) == (100, 0, 0, 0)
    assert services.verify() == []


@pytest.mark.tampers
def test_a_wallet_whose_version_was_changed_too_is_left_to_a_backup() -> None:
    found = wallet(world.person(tokens=100))
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 1000, version = version + 1 WHERE id = %s", [found.pk])

    (done,) = adjustments.repair_many([Repair(found.pk)])

    assert done.code == "INVALID_TRANSITION"
    assert [each.check for each in services.verify()] == ["V2"]
