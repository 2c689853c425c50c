"""escrow_payout and escrow_decide_payout: exact, once, and refused as a whole."""

import pytest
from django.db import IntegrityError, connection, transaction

from core.ids import new_id
from escrow.models import Payout
from escrow.services import Currency, House, adjustments
from escrow.services.adjustments import WriteOff
from escrow.tests.adjustments.steps import ask, decide, reverse, settled
from escrow.tests.factories import balances, house, indebt
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


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
    ("sql", "answers"),
    [
        ("UPDATE escrow_payout SET status = 'approved', decided_at = core_now()", "functions only"),
        ("INSERT INTO escrow_payout (id, performer_id, amount, operation_id) SELECT gen_random_uuid(), performer_id,"
         " 5, operation_id FROM escrow_payout", "functions only"),
        ("DELETE FROM escrow_payout", "append-only"),
        ("SELECT escrow_book(gen_random_uuid(), id, 5, 0, 0, 'mint', core_now()) FROM escrow_wallet", "functions only"),
    ],
)  # fmt: skip
def test_raw_sql_makes_no_payout(sql: str, answers: str) -> None:
    buyer, performer = world.person(tokens=300), world.performer()
    settled(buyer, performer, 300, 300)
    ask(performer, 300)

    with pytest.raises(IntegrityError, match=answers), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Payout.objects.get().status == "requested"
