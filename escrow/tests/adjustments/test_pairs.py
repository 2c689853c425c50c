"""Pairs of corrections in each order, as escrow/README.md lists them, against the ledger in plain Python."""

from collections import Counter
from collections.abc import Callable
from itertools import product
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Sum

from core.ids import new_id
from escrow.errors import NotReversible
from escrow.models import Entry, Operation
from escrow.services import Currency, House, adjustments, approvals
from escrow.services.adjustments import Repair, Reversal, WriteOff
from escrow.tests.adjustments.steps import bought, charge_back, reverse, settled
from escrow.tests.factories import balances, house, tampering, wallet
from escrow.tests.ledger.oracle import Answer, Oracle, Purse
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


class Books:
    """One buyer in the ledger and in the oracle: 500 tokens bought, some of them spent.

    Each step does the same in both and asserts that code, replay, balances and house accounts are the same. `targets`:
    the operations that the next steps refer to, by what they are.
    """

    def __init__(self, spent: int) -> None:
        self.buyer, self.oracle, self.ids = world.person(), Oracle({"buyer": Purse()}), dict[str, UUID]()
        self.targets, self.number, self.base = dict[str, str](), 0, house_sums()
        self.deposit(500, "deposit")
        self.spend(spent)

    def name(self, target: str) -> str:
        self.number += 1
        self.targets[target] = f"{target}{self.number}"
        return self.targets[target]

    def deposit(self, amount: int, target: str) -> None:
        name = self.name(target)
        self.oracle.credit(name, "deposit", name, "buyer", "sales", amount)
        self.ids[name] = bought(self.buyer, amount)

    def spend(self, amount: int = 0) -> None:
        """Spend an amount, or all that is available."""
        amount = amount or self.oracle.people["buyer"].available
        if amount:
            key = str(new_id())
            settled(self.buyer, House.REVENUE, amount, amount)
            self.oracle.hold(f"hold {key}", key, "buyer", "revenue", amount, amount)
            self.oracle.close(f"close {key}", key, f"hold {key}", amount, 0, 0, late=False)

    def charge_back(self, target: str) -> None:
        deposit = self.targets[target]
        first = self.targets.get("chargeback")
        name = self.name("chargeback")
        expected, done = self.oracle.charge_back(name, deposit), charge_back(self.ids[deposit])
        self.compare(expected, (done.code, done.replayed))
        if expected == (None, False):
            self.ids[name] = done.operation_id or new_id()
        elif first is not None:
            self.targets["chargeback"] = first

    def undo(self, target: str) -> None:
        operation = self.targets.get(target)
        if operation is None:
            return
        (done,) = adjustments.reverse_many([Reversal(self.ids[operation], reason="test")])
        self.compare(self.oracle.reverse(self.name("undo"), operation), (done.code, done.replayed))

    def write_off(self) -> None:
        """All that is owed, or one token of nothing, which is refused."""
        amount, before = self.oracle.people["buyer"].owed or 1, self.targets.get("write-off")
        name = self.name("write-off")
        expected = self.oracle.write_off(name, name, "buyer", amount)
        (done,) = adjustments.write_off_many([WriteOff(str(new_id()), self.buyer.pk, Currency.TOKEN, amount)])
        self.compare(expected, (done.code, done.replayed))
        if done.code is None:
            self.ids[name] = done.operation_id or new_id()
        elif before is not None:
            self.targets["write-off"] = before
        else:
            del self.targets["write-off"]

    def repair(self) -> None:
        """The wallet's row is changed from outside and restored; the oracle knows nothing of it."""
        found = wallet(self.buyer)
        with tampering(), connection.cursor() as cursor:
            cursor.execute("UPDATE escrow_wallet SET available = 9999, owed = 77 WHERE id = %s", [found.pk])
        (done,) = adjustments.repair_many([Repair(found.pk, reason="test")])
        self.compare((None, False), (done.code, done.replayed))

    def compare(self, expected: Answer, found: Answer) -> None:
        purse = self.oracle.people["buyer"]
        assert found == expected
        assert balances(self.buyer) == (purse.available, purse.held, purse.earned, purse.owed)
        assert not (purse.available and purse.owed)
        sums = house_sums()
        sums.subtract(self.base)
        assert {name: total for name, total in sums.items() if total} == {
            name: total for name, total in self.oracle.house.items() if total
        }


STEPS: dict[str, Callable[[Books], None]] = {
    "chargeback": lambda books: books.charge_back("deposit"),
    "undo of the chargeback": lambda books: books.undo("chargeback"),
    "write-off": Books.write_off,
    "undo of the write-off": lambda books: books.undo("write-off"),
    "correction": lambda books: books.undo("deposit"),
    "repair": Books.repair,
}


def house_sums() -> Counter[str]:
    found = Entry.objects.filter(house__isnull=False).values_list("house").annotate(total=Sum("d_available"))
    return Counter(dict(found))


BEFORE: dict[str, list[Callable[[Books], None]]] = {
    "nothing": [],
    "a debt": [STEPS["chargeback"]],
    "a debt written off": [STEPS["chargeback"], STEPS["write-off"]],
    "a debt paid in part": [STEPS["chargeback"], lambda books: books.deposit(100, "payment")],
    "a debt paid and written off": [
        STEPS["chargeback"],
        lambda books: books.deposit(100, "payment"),
        STEPS["write-off"],
    ],
    "another debt": [
        lambda books: books.deposit(50, "other"),
        lambda books: books.spend(),
        lambda books: books.charge_back("other"),
    ],
}


def test_a_debt_written_off_is_undone_with_the_chargeback_that_made_it() -> None:
    buyer = world.person()
    operation = bought(buyer, 500)
    settled(buyer, House.REVENUE, 500, 500)
    taken = charge_back(operation).operation_id or new_id()
    (given_up,) = adjustments.write_off_many([WriteOff("w", buyer.pk, Currency.TOKEN, 500, reason="gone")])
    assert (balances(buyer), house(House.LOSSES)) == ((0, 0, 0, 0), -500)

    assert reverse(taken) == [None]

    assert (balances(buyer), house(House.LOSSES), house(House.SALES)) == ((0, 0, 0, 0), 0, -500)
    undone = Operation.objects.get(reverses_id=given_up.operation_id)
    assert (undone.reason, undone.meta) == ("test", {"with": str(Operation.objects.get(reverses_id=taken).pk)})
    assert reverse(given_up.operation_id or new_id()) == [None]  # a replay
    assert balances(buyer) == (0, 0, 0, 0)


def test_what_the_buyer_paid_of_a_debt_comes_back_and_what_was_written_off_does_not() -> None:
    buyer = world.person()
    operation = bought(buyer, 500)
    settled(buyer, House.REVENUE, 500, 500)
    taken = charge_back(operation).operation_id or new_id()
    bought(buyer, 300)
    adjustments.write_off_many([WriteOff("w", buyer.pk, Currency.TOKEN, 200)])

    assert reverse(taken) == [None]

    assert (balances(buyer), house(House.LOSSES)) == ((300, 0, 0, 0), 0)


def test_a_write_off_of_two_debts_keeps_the_part_of_the_one_that_stays() -> None:
    buyer = world.person()
    first, second = bought(buyer, 100), bought(buyer, 50)
    settled(buyer, House.REVENUE, 150, 150)
    taken, _ = (charge_back(each).operation_id or new_id() for each in (first, second))
    adjustments.write_off_many([WriteOff("w", buyer.pk, Currency.TOKEN, 120)])
    assert balances(buyer) == (0, 0, 0, 30)

    assert reverse(taken) == [None]

    assert (balances(buyer), house(House.LOSSES)) == ((0, 0, 0, 0), -50)


def test_all_write_offs_of_the_debt_are_undone_and_earlier_ones_of_other_debts_stay() -> None:
    buyer = world.person()
    older, newer = bought(buyer, 40), bought(buyer, 100)
    settled(buyer, House.REVENUE, 140, 140)
    charge_back(older)
    (stays,) = adjustments.write_off_many([WriteOff("older", buyer.pk, Currency.TOKEN, 40)])
    taken = charge_back(newer).operation_id or new_id()
    goes = adjustments.write_off_many([WriteOff(key, buyer.pk, Currency.TOKEN, 30) for key in ("a", "b")])

    assert reverse(taken) == [None]

    undone = set(Operation.objects.filter(reverses_id__isnull=False).values_list("reverses_id", flat=True))
    assert {each.operation_id for each in goes} < undone
    assert stays.operation_id not in undone
    assert (balances(buyer), house(House.LOSSES)) == ((0, 0, 0, 0), -40)


def test_a_write_off_of_an_earlier_debt_stays_when_a_later_chargeback_is_undone() -> None:
    buyer = world.person()
    older, newer = bought(buyer, 40), bought(buyer, 100)
    settled(buyer, House.REVENUE, 140, 140)
    charge_back(older)
    adjustments.write_off_many([WriteOff("older", buyer.pk, Currency.TOKEN, 40)])
    taken = charge_back(newer).operation_id or new_id()
    bought(buyer, 100)

    assert reverse(taken) == [None]

    assert (balances(buyer), house(House.LOSSES)) == ((100, 0, 0, 0), -40)


def test_a_write_off_undone_by_hand_before_is_not_undone_again() -> None:
    buyer = world.person()
    operation = bought(buyer, 100)
    settled(buyer, House.REVENUE, 100, 100)
    taken = charge_back(operation).operation_id or new_id()
    (given_up,) = adjustments.write_off_many([WriteOff("w", buyer.pk, Currency.TOKEN, 100)])

    assert reverse(given_up.operation_id or new_id()) == [None]
    bought(buyer, 100)

    assert reverse(taken) == [None]

    assert (balances(buyer), house(House.LOSSES)) == ((100, 0, 0, 0), 0)


def test_a_debt_that_an_undone_write_off_brings_back_is_paid_from_what_is_available() -> None:
    buyer = world.person()
    operation = bought(buyer, 100)
    settled(buyer, House.REVENUE, 100, 100)
    charge_back(operation)
    (given_up,) = adjustments.write_off_many([WriteOff("w", buyer.pk, Currency.TOKEN, 100)])
    bought(buyer, 60)

    assert reverse(given_up.operation_id or new_id()) == [None]

    assert balances(buyer) == (0, 0, 0, 40)


def test_a_deposit_is_charged_back_again_and_corrected_once_its_chargeback_was_undone() -> None:
    buyer = world.person()
    operation = bought(buyer, 100)
    takings = []
    for _ in range(3):
        takings.append(charge_back(operation))
        assert charge_back(operation).replayed
        assert reverse(operation) == ["INVALID_TRANSITION"]
        assert reverse(takings[-1].operation_id or new_id()) == [None]
        assert balances(buyer) == (100, 0, 0, 0)

    assert len({each.operation_id for each in takings}) == 3
    assert reverse(operation) == [None]
    assert (balances(buyer), charge_back(operation).code) == ((0, 0, 0, 0), "INVALID_TRANSITION")


def test_a_chargeback_that_was_undone_is_not_undone_again_while_the_next_one_stands() -> None:
    buyer = world.person()
    operation = bought(buyer, 6_000)  # above FOUR_EYES_TOKENS: not even an approval is opened
    first = charge_back(operation).operation_id or new_id()
    reverse(first)
    charge_back(operation)

    (done,) = adjustments.reverse_many([Reversal(first)])
    with pytest.raises(NotReversible):
        approvals.correct(operation_id=first, reason="again", actor=world.staff("finance"))

    assert (done.code, done.replayed, balances(buyer)) == (None, True, (0, 0, 0, 0))


def test_no_more_write_offs_are_undone_than_the_debt_needs() -> None:
    buyer = world.person()
    first, second = bought(buyer, 100), bought(buyer, 100)
    settled(buyer, House.REVENUE, 200, 200)
    taken, _ = (charge_back(each).operation_id or new_id() for each in (first, second))
    stays, goes = adjustments.write_off_many(
        [WriteOff(key, buyer.pk, Currency.TOKEN, amount) for key, amount in (("a", 100), ("b", 50))]
    )

    assert reverse(taken) == [None]

    assert Operation.objects.filter(reverses_id=goes.operation_id).exists()
    assert not Operation.objects.filter(reverses_id=stays.operation_id).exists()
    assert (balances(buyer), house(House.LOSSES)) == ((0, 0, 0, 0), -100)


@pytest.mark.parametrize("first", STEPS)
def test_every_pair_of_corrections_leaves_what_plain_sums_say(first: str) -> None:
    for before, second in product(BEFORE, STEPS):
        books = Books(spent=200)
        last = ("undo of the chargeback", "chargeback", "undo of the chargeback")
        for step in (*BEFORE[before], *(STEPS[name] for name in (first, second, *last))):
            step(books)
