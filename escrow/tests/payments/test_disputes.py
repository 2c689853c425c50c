"""Disputes: each event moves exactly what it must, in any order, however often it comes, and from whomever."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.errors import Refused
from core.ids import new_id
from escrow import services
from escrow.models import Dispute, Operation, Order, PaymentEvent, TokenPackage, Wallet
from escrow.services import Close, Currency, Deposit, House, adjustments, approvals, payments
from escrow.services.adjustments import Reversal
from escrow.services.payments import CHARGEBACK, CHARGEBACK_REVERSED, PAID, ProviderEvent
from escrow.tests.factories import balances, finished, freeze, house, tampering, thaw
from escrow.tests.payments.provider import error_of, event_of, send
from live.models import EventRow
from tests import world
from tests.interleaving import Concurrent
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
LOST, WON = CHARGEBACK, CHARGEBACK_REVERSED
BY_HAND = "undone by staff"


@dataclass
class Expected:
    """An order and its disputes in plain Python. A chargeback without a dispute's id is the dispute None."""

    is_taken: bool = False
    lost: set[str | None] = field(default_factory=set)
    won: set[str | None] = field(default_factory=set)

    def apply(self, kind: str, dispute: str | None) -> None:
        if kind == LOST and dispute not in self.won:
            if not self.is_taken or dispute is not None:
                self.lost.add(dispute)
            self.is_taken = True
        elif kind == WON and dispute is not None:
            self.lost -= {dispute}
            self.won.add(dispute)
            self.is_taken = bool(self.lost)
        elif kind in (WON, BY_HAND):
            self.won |= self.lost - {None}
            self.lost, self.is_taken = set(), False


EVENTS = [*product((LOST, WON), (None, "d1", "d2")), (BY_HAND, None)]
STORIES = [story for story in product(EVENTS, repeat=3) if [dispute for _, dispute in story if dispute][:1] != ["d2"]]
"""Every three events in every order, repeated ones too; the dispute that comes first is d1."""


def tell(order: Order, kind: str, dispute: str | None = None, **facts: Any) -> str:
    """Deliver an event about an order, under a new id; the outcome."""
    event = ProviderEvent(
        str(new_id()), kind, order.reference, order.user_id, order.package_id, order.tokens, dispute_id=dispute
    )
    return payments.receive(event).outcome


def undo_by_hand(order: Order, actor: User) -> None:
    found = Order.objects.get(pk=order.pk)
    if found.chargeback_id is not None:
        approvals.correct(operation_id=found.chargeback_id, reason="a mistake", actor=actor)


def paid(buyer: User, package: TokenPackage, *, spent: int = 0) -> Order:
    reference = f"ord_{new_id()}"
    payments.receive(ProviderEvent(str(new_id()), PAID, reference, buyer.pk, package.pk, 500))
    spend(buyer, spent)
    return Order.objects.get(reference=reference)


def spend(buyer: User, tokens: int) -> None:
    if tokens:
        hold_id = finished(buyer, House.REVENUE, tokens, tokens)
        services.close_many([Close(str(hold_id), hold_id, tokens, 0)])


def states(order: Order) -> dict[str | None, str]:
    return dict(Dispute.objects.filter(order=order).values_list("reference", "state"))


def test_a_dispute_that_is_won_and_lost_again_takes_again(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    finance = world.staff("finance")
    back = event_of(alice, package, type=LOST)
    send(back)
    undone = Order.objects.get().chargeback_id
    assert undone is not None
    approvals.correct(operation_id=undone, reason="won", actor=finance)
    assert (balances(alice), Order.objects.get().status) == ((500, 0, 0, 0), "paid")

    assert send(back | {"eventId": "second"}).json()["outcome"] == "charged_back"
    assert send(back | {"eventId": "third"}).json()["outcome"] == "charged_back"

    order = Order.objects.get()
    assert (balances(alice), house(House.SALES), order.status) == ((0, 0, 0, 0), 0, "charged_back")
    assert order.chargeback_id not in (None, undone)
    assert Operation.objects.filter(kind="chargeback").count() == 2
    assert send(event_of(alice, package, type=WON)).json()["outcome"] == "chargeback_reversed"
    approvals.correct(operation_id=order.deposit_id, reason="by hand", actor=finance)
    assert balances(alice) == (0, 0, 0, 0)


def test_a_debt_that_was_written_off_is_not_given_to_the_buyer(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    spend(alice, 500)
    send(event_of(alice, package, type=LOST, disputeId="d1"))
    finance = world.staff("finance")
    approvals.write_off(owner_id=alice.pk, currency=Currency.TOKEN, amount=500, reason="gone", actor=finance)
    assert (balances(alice), house(House.LOSSES)) == ((0, 0, 0, 0), -500)

    assert send(event_of(alice, package, type=WON, disputeId="d1")).json()["outcome"] == "chargeback_reversed"

    assert (balances(alice), house(House.LOSSES), house(House.SALES)) == ((0, 0, 0, 0), 0, -500)
    (event,) = EventRow.objects.filter(key="wallet.tokens.chargeback_reversed")
    assert (event.recipient, event.variables) == (alice.pk, {"tokens": 500})


def test_every_delivery_of_an_event_has_the_first_ones_answer(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    lost, won = (event_of(alice, package, type=kind, disputeId="d1") for kind in (LOST, WON))

    outcomes = [send(each).json()["outcome"] for each in (lost, won, lost, won)]

    assert outcomes == ["charged_back", "chargeback_reversed"] * 2
    assert (balances(alice), PaymentEvent.objects.count()) == ((500, 0, 0, 0), 3)
    assert error_of(send(lost | {"disputeId": "d2"})) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert error_of(send(lost | {"disputeId": None})) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_dispute_won_before_it_was_lost_moves_nothing(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)

    assert [tell(order, WON, "d1"), tell(order, LOST, "d1")] == ["unchanged", "unchanged"]

    assert (balances(alice), states(order)) == ((500, 0, 0, 0), {"d1": "won"})
    assert Operation.objects.filter(kind__in=("chargeback", "reverse")).count() == 0


def test_tokens_come_back_only_when_no_dispute_of_the_order_is_lost(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)
    tell(order, LOST, "d1")
    tell(order, LOST, "d2")

    assert (tell(order, WON, "d1"), balances(alice)) == ("unchanged", (0, 0, 0, 0))
    assert states(order) == {"d1": "won", "d2": "lost"}
    assert (tell(order, WON, "d2"), balances(alice)) == ("chargeback_reversed", (500, 0, 0, 0))


def test_disputes_of_an_order_that_staff_undid_move_nothing(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)
    adjustments.reverse_many([Reversal(order.deposit_id)])

    outcomes = [tell(order, kind, name) for name in ("d1", None) for kind in (LOST, WON)]

    assert outcomes == ["reversed_before", "unchanged"] * 2
    assert (balances(alice), states(order)) == ((0, 0, 0, 0), {"d1": "won"})
    assert Operation.objects.filter(kind="reverse").count() == 1


def test_a_frozen_wallet_loses_and_wins_disputes(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)
    freeze(alice)

    assert (tell(order, LOST, "d1"), balances(alice)[0]) == ("charged_back", 0)
    assert (tell(order, WON, "d1"), balances(alice)[0]) == ("chargeback_reversed", 500)
    thaw(alice)


@pytest.mark.parametrize("kind", [LOST, WON])
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"userId": str(new_id())}, (400, "VALIDATION_FAILED")),
        ({"packageId": str(new_id())}, (400, "VALIDATION_FAILED")),
        ({"amount": 499}, (400, "VALIDATION_FAILED")),
        ({"amount": 5_000}, (400, "VALIDATION_FAILED")),
        ({"amount": -500}, (400, "VALIDATION_FAILED")),
        ({"orderId": "ord_2"}, (404, "NOT_FOUND")),
        ({"disputeId": ""}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "d" * 129}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "d" * 1_000_000}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "d\x00"}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "d\x1b[31m"}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "d\u202e"}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "\ud800"}, (400, "VALIDATION_FAILED")),
        ({"disputeId": 1}, (400, "VALIDATION_FAILED")),
        ({"disputeId": ["d1"]}, (400, "VALIDATION_FAILED")),
        ({"disputeId": "other"}, (409, "IDEMPOTENCY_KEY_REUSED")),
    ],
)
def test_a_dispute_that_does_not_fit_its_order_is_refused_and_writes_nothing(
    alice: User, package: TokenPackage, kind: str, facts: dict[str, Any], expected: tuple[int, str]
) -> None:
    bob = world.person("bob")
    tell(paid(bob, package), LOST, "other")
    send(event_of(alice, package))
    before = Operation.objects.count(), Dispute.objects.count(), PaymentEvent.objects.count()

    assert error_of(send(event_of(alice, package, type=kind, **facts))) == expected

    assert (Operation.objects.count(), Dispute.objects.count(), PaymentEvent.objects.count()) == before
    assert (balances(alice), balances(bob)) == ((500, 0, 0, 0), (0, 0, 0, 0))


def test_ids_of_disputes_are_compared_exactly(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    for name in ("d 1", " d 1", "d 1 ", "D 1", " ", "ørd", "d" * 128):
        send(event_of(alice, package, type=LOST, disputeId=name))

    assert Dispute.objects.count() == 7
    send(event_of(alice, package, type=WON, disputeId="d 1"))
    assert (balances(alice), Dispute.objects.filter(state="won").count()) == ((0, 0, 0, 0), 1)


def test_a_payment_has_no_dispute(alice: User, package: TokenPackage) -> None:
    first = event_of(alice, package, disputeId="d1")

    assert [send(each).json()["outcome"] for each in (first, first | {"disputeId": "d2"})] == ["credited"] * 2
    assert Dispute.objects.count() == 0


def test_one_dispute_delivered_many_times_at_once_takes_once_and_gives_back_once(
    alice: User, package: TokenPackage
) -> None:
    order = paid(alice, package, spent=200)

    race(*[lambda: tell(order, LOST, "d1") for _ in range(4)])
    assert (balances(alice), Operation.objects.filter(kind="chargeback").count()) == ((0, 0, 0, 200), 1)
    race(*[lambda: tell(order, WON, "d1") for _ in range(4)])
    assert (balances(alice), Operation.objects.filter(kind="reverse").count()) == ((300, 0, 0, 0), 1)


def test_a_dispute_lost_and_won_at_once_ends_paid(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)

    race(*[lambda kind=kind: tell(order, kind, "d1") for kind in (LOST, WON, LOST, WON)])

    assert (balances(alice), states(order)) == ((500, 0, 0, 0), {"d1": "won"})


def test_staff_and_the_provider_give_back_once(alice: User, package: TokenPackage) -> None:
    order, finance = paid(alice, package), world.staff("finance")
    tell(order, LOST, "d1")
    chargeback_id = Order.objects.get(pk=order.pk).chargeback_id
    assert chargeback_id is not None

    def by_hand() -> str:
        try:
            approvals.correct(operation_id=chargeback_id, reason="won", actor=finance)
        except Refused as refused:
            return refused.code
        return "done"

    answers = race(by_hand, lambda: tell(order, WON, "d1"))

    assert answers in (["done", "unchanged"], ["INVALID_TRANSITION", "chargeback_reversed"])
    assert (balances(alice), states(order)) == ((500, 0, 0, 0), {"d1": "won"})


def test_one_dispute_of_two_orders_at_once_is_one_orders(alice: User, package: TokenPackage) -> None:
    orders = [paid(alice, package) for _ in range(2)]

    def take(order: Order) -> str:
        try:
            return tell(order, LOST, "d1")
        except Refused as refused:
            return refused.code

    answers = race(*[lambda order=order: take(order) for order in orders])

    assert sorted(answers) == ["IDEMPOTENCY_KEY_REUSED", "charged_back"]
    assert balances(alice) == (500, 0, 0, 0)


def test_an_endpoint_that_only_looked_first_would_give_back_twice(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)
    tell(order, LOST, "d1")
    both_looked = threading.Barrier(2)

    def naive() -> None:
        with transaction.atomic():
            assert Order.objects.get(pk=order.pk).status == "charged_back"
            both_looked.wait(timeout=30)
            services.deposit(Deposit(str(new_id()), alice.pk, Currency.TOKEN, 500, House.SALES))

    race(naive, naive)

    assert balances(alice) == (1_000, 0, 0, 0)


def large(alice: User, *, spent: int) -> tuple[Order, Any]:
    package = TokenPackage.objects.create(title="Chest", tokens=6_000, price_minor=4_999)
    reference = f"ord_{new_id()}"
    payments.receive(ProviderEvent(str(new_id()), PAID, reference, alice.pk, package.pk, 6_000))
    spend(alice, spent)
    order = Order.objects.get(reference=reference)
    tell(order, LOST, "d1")
    return order, Order.objects.get(pk=order.pk).chargeback_id


STALE: dict[str, tuple[int, Callable[..., approvals.Decision], str]] = {
    "undo of a chargeback": (
        0,
        lambda alice, chargeback, actor: approvals.correct(operation_id=chargeback, reason="won", actor=actor),
        "INVALID_TRANSITION",
    ),
    "write-off": (
        6_000,
        lambda alice, chargeback, actor: approvals.write_off(
            owner_id=alice.pk, currency=Currency.TOKEN, amount=6_000, reason="gone", actor=actor
        ),
        "INSUFFICIENT_BALANCE",
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_an_approval_given_after_the_dispute_was_won_moves_nothing(alice: User, name: str) -> None:
    spent, ask, code = STALE[name]
    order, chargeback_id = large(alice, spent=spent)
    approval = ask(alice, chargeback_id, world.staff("finance")).approval
    assert approval is not None
    tell(order, WON, "d1")
    after = balances(alice), house(House.LOSSES)

    with pytest.raises(Refused) as refused:
        approvals.decide(approval_id=approval.pk, approve=True, reason="fine", actor=world.staff("admin"))

    assert refused.value.code == code
    assert (balances(alice), house(House.LOSSES)) == after == ((6_000 - spent, 0, 0, 0), 0)
    approvals.decide(approval_id=approval.pk, approve=False, reason="late", actor=world.staff("admin"))


@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        ("UPDATE escrow_order SET status = 'paid', chargeback_id = NULL, charged_back_at = NULL", "operations say"),
        ("UPDATE escrow_order SET chargeback_id = (SELECT id FROM escrow_operation WHERE kind = 'reverse')",
         "operations say"),
        ("UPDATE escrow_dispute SET state = 'lost', won_at = NULL WHERE reference = 'd1'", "is won"),
        ("UPDATE escrow_dispute SET reference = 'd3' WHERE reference = 'd2'", "keeps its terms"),
        ("UPDATE escrow_dispute SET opened_at = won_at WHERE reference = 'd2'", "keeps its terms"),
        ("UPDATE escrow_dispute SET state = 'won' WHERE reference = 'd2'", "escrow_dispute_complete"),
        ("DELETE FROM escrow_dispute", "append-only"),
        ("TRUNCATE escrow_dispute", "append-only"),
        ("INSERT INTO escrow_dispute (id, order_id, reference, state, won_at) SELECT gen_random_uuid(), order_id, 'd1',"
         " 'won', core_now() FROM escrow_dispute LIMIT 1", "escrow_dispute_of_one_order"),
        ("INSERT INTO escrow_dispute (id, order_id, state) SELECT gen_random_uuid(), order_id, 'lost'"
         " FROM escrow_dispute", "escrow_dispute_one_without_an_id"),
    ],
)  # fmt: skip
def test_raw_sql_changes_no_dispute(alice: User, package: TokenPackage, sql: str, refusal: str) -> None:
    order = paid(alice, package)
    for kind, name in ((LOST, "d1"), (WON, "d1"), (LOST, "d2")):
        tell(order, kind, name)

    with pytest.raises(IntegrityError, match=refusal), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_paid_order_has_no_lost_dispute_against_raw_sql_too(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)

    with pytest.raises(IntegrityError, match="is not lost"), transaction.atomic():
        Dispute.objects.create(order=order, reference="d1", state="lost")


def test_a_dispute_costs_the_same_few_statements(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))

    def cost(kind: str, dispute: str | None) -> int:
        with CaptureQueriesContext(connection) as run:
            assert send(event_of(alice, package, type=kind, disputeId=dispute)).status_code == 200
        return sum(not each["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for each in run)

    # lock, event, order, dispute, chargeback or reversal, dispute (a reversal: other lost ones), live event, event
    assert [cost(LOST, "d1"), cost(WON, "d1")] == [8, 8]
    assert [cost(LOST, "d1"), cost(WON, "d1")] == [5, 5]
    assert [cost(LOST, None), cost(WON, None)] == [7, 6]


def test_an_undo_by_hand_waits_for_the_order_before_it_locks_the_wallet(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)
    tell(order, LOST, "d1")
    undo = [Reversal(Order.objects.get(pk=order.pk).chargeback_id or new_id())]

    with transaction.atomic():
        Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        other = Concurrent(lambda: adjustments.reverse_many(undo))
        other.assert_blocked()
        Wallet.objects.select_for_update(no_key=True, nowait=True).get(owner=alice, currency=Currency.TOKEN)

    assert other.result()[0].code is None


def test_a_chargeback_waits_for_the_order_before_it_locks_the_wallet(alice: User, package: TokenPackage) -> None:
    order = paid(alice, package)

    with transaction.atomic():
        Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        other = Concurrent(lambda: adjustments.chargeback_many([Reversal(order.deposit_id)]))
        other.assert_blocked()
        Wallet.objects.select_for_update(no_key=True, nowait=True).get(owner=alice, currency=Currency.TOKEN)

    assert other.result()[0].code is None


@pytest.mark.tampers
def test_an_order_with_a_lost_dispute_is_not_paid_again_by_raw_sql(alice: User, package: TokenPackage) -> None:
    tell(paid(alice, package), LOST, "d1")
    with tampering(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id)"
            " SELECT gen_random_uuid(), 's', 'k', '', 'reverse', chargeback_id FROM escrow_order"
        )

    with pytest.raises(IntegrityError, match="no lost dispute"), transaction.atomic():
        Order.objects.update(status="paid", chargeback=None, charged_back_at=None)


def test_any_events_in_any_order_leave_what_the_disputes_say(package: TokenPackage) -> None:
    finance = world.staff("finance")
    for number, story in enumerate(STORIES):
        buyer, expected = world.person(), Expected()
        order = paid(buyer, package)
        for kind, dispute in story:
            expected.apply(kind, dispute)
            if kind == BY_HAND:
                undo_by_hand(order, finance)
            else:
                tell(order, kind, dispute and f"{dispute}.{number}")

            assert balances(buyer) == (0 if expected.is_taken else 500, 0, 0, 0), story
        found = Order.objects.get(pk=order.pk)
        assert (found.status == "charged_back", found.chargeback_id is not None) == (expected.is_taken,) * 2, story
        known = {(name and name.split(".")[0], state) for name, state in states(order).items()}
        named = {(name, "lost") for name in expected.lost} | {(name, "won") for name in expected.won}
        assert known - {(None, "won")} == named, story
