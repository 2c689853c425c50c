"""The payment provider's events: each once, one credit per order, debts for what was spent."""

import threading
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.ids import new_id
from escrow import services
from escrow.models import Operation, Order, PaymentEvent, TokenPackage
from escrow.services import Currency, House, adjustments
from escrow.services.payments import ProviderEvent
from escrow.tests.factories import balances, finished, freeze, house, thaw
from escrow.tests.payments.provider import error_of, event_of, send
from live.models import EventRow
from tests import world
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_paid_order_is_credited_once_whatever_is_sent_again(alice: User, package: TokenPackage) -> None:
    first = event_of(alice, package)

    answers = [send(first), send(first), send(first | {"eventId": "another"})]

    assert [(each.status_code, each.json()) for each in answers] == [
        (200, {"received": True, "outcome": "credited", "orderId": "ord_1"})
    ] * 3
    assert (balances(alice), house(House.SALES)) == ((500, 0, 0, 0), -500)
    assert (Order.objects.count(), PaymentEvent.objects.count()) == (1, 2)
    (event,) = EventRow.objects.filter(key="wallet.tokens.credited")
    assert (event.recipient, event.room, event.variables) == (alice.pk, None, {"tokens": 500, "title": "Pocket"})


def test_a_chargeback_takes_what_is_there_and_books_the_rest(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    hold_id = finished(alice, House.REVENUE, 400, 400)
    services.close_many([services.Close(str(hold_id), hold_id, 400, 0)])
    back = event_of(alice, package, type="order.chargeback")

    for _ in range(2):
        assert send(back).json()["outcome"] == "charged_back"
    assert send(back | {"eventId": "a third"}).json()["outcome"] == "charged_back"

    assert (balances(alice), house(House.SALES)) == ((0, 0, 0, 400), 0)
    order = Order.objects.get()
    assert (order.status, order.chargeback_id is not None) == ("charged_back", True)
    (event,) = EventRow.objects.filter(key="wallet.tokens.charged_back")
    assert event.variables == {"tokens": 500, "owed": 400}


def test_a_chargeback_of_an_order_that_staff_reversed_changes_nothing(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    adjustments.reverse_many([adjustments.Reversal(Order.objects.get().deposit_id)])

    answer = send(event_of(alice, package, type="order.chargeback"))

    assert (answer.status_code, answer.json()["outcome"]) == (200, "reversed_before")
    assert balances(alice) == (0, 0, 0, 0)


def test_an_inactive_package_that_was_paid_is_credited(alice: User, package: TokenPackage) -> None:
    TokenPackage.objects.update(is_active=False)

    assert send(event_of(alice, package)).json()["outcome"] == "credited"
    assert Client().get("/api/v1/token-packages").json() == {"items": [], "next": None}


def test_what_is_on_sale_is_public(package: TokenPackage) -> None:
    assert Client().get("/api/v1/token-packages").json() == {
        "items": [
            {
                "id": str(package.pk),
                "title": "Pocket",
                "tokens": 500,
                "price": {"amountMinor": 499, "currency": "EUR"},
            }
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    "facts",
    [
        {"type": "order.created"},
        {"type": "payout", "amount": "x", "userId": [{}]},
        {"type": "t" * 500, "orderId": None, "userId": None, "packageId": None, "amount": None},
        {"type": " order.paid"},
    ],
)
@pytest.mark.parametrize("absent", [True, False], ids=["absent", "null"])
def test_an_unknown_type_is_received_and_ignored(
    alice: User, package: TokenPackage, facts: dict[str, Any], absent: bool
) -> None:
    results = event_of(alice, package, **facts) | (
        {} if absent else {name: None for name in facts if facts[name] is None}
    )

    for _ in range(2):
        assert (send(results).status_code, send(results).json()["outcome"]) == (200, "ignored")
    assert (Operation.objects.count(), PaymentEvent.objects.get().outcome) == (0, "ignored")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"amount": 499}, (400, "VALIDATION_FAILED")),
        ({"amount": "500"}, (400, "VALIDATION_FAILED")),
        ({"amount": 500.0}, (400, "VALIDATION_FAILED")),
        ({"amount": True}, (400, "VALIDATION_FAILED")),
        ({"amount": None}, (400, "VALIDATION_FAILED")),
        ({"eventId": None}, (400, "VALIDATION_FAILED")),
        ({"eventId": "e" * 129}, (400, "VALIDATION_FAILED")),
        ({"eventId": ""}, (400, "VALIDATION_FAILED")),
        ({"eventId": "a\nb"}, (400, "VALIDATION_FAILED")),
        ({"orderId": "a\u0000b"}, (400, "VALIDATION_FAILED")),
        ({"orderId": "a\x1fb"}, (400, "VALIDATION_FAILED")),
        ({"orderId": "\u202eb"}, (400, "VALIDATION_FAILED")),
        ({"orderId": "\ud800"}, (400, "VALIDATION_FAILED")),
        ({"orderId": 7}, (400, "VALIDATION_FAILED")),
        ({"userId": "alice"}, (400, "VALIDATION_FAILED")),
        ({"userId": str(new_id())}, (404, "NOT_FOUND")),
        ({"packageId": str(new_id())}, (404, "NOT_FOUND")),
        ({"type": "order.chargeback"}, (404, "NOT_FOUND")),
        ({"type": None}, (400, "VALIDATION_FAILED")),
    ],
)
def test_an_event_that_does_not_match_is_refused_and_writes_nothing(
    alice: User, package: TokenPackage, facts: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert error_of(send(event_of(alice, package, **facts))) == expected
    assert (Operation.objects.count(), Order.objects.count(), PaymentEvent.objects.count()) == (0, 0, 0)


def test_unknown_members_of_an_event_are_ignored(alice: User, package: TokenPackage) -> None:
    assert send(event_of(alice, package) | {"livemode": False}).status_code == 200


def test_an_id_belongs_to_one_event_or_order(alice: User, package: TokenPackage) -> None:
    bob, first = world.person(), event_of(alice, package)
    send(first)

    assert error_of(send(first | {"userId": str(bob.pk)})) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert error_of(send(event_of(bob, package))) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert error_of(send(event_of(bob, package, type="order.chargeback"))) == (400, "VALIDATION_FAILED")
    assert balances(bob) == (0, 0, 0, 0)


def test_ids_are_compared_exactly(alice: User, package: TokenPackage) -> None:
    for order_id in ("ord 1", " ord 1", "ord 1 ", " ", "ørd 1", "o" * 128):
        assert send(event_of(alice, package, orderId=order_id)).json()["orderId"] == order_id

    assert balances(alice) == (6 * 500, 0, 0, 0)


def test_an_events_id_belongs_to_one_type(alice: User, package: TokenPackage) -> None:
    paid, other = event_of(alice, package), event_of(alice, package, type="order.created")
    send(paid)
    send(other)

    for results in (
        paid | {"type": "order.created"},
        other | {"type": "order.shipped"},
        other | {"type": "order.paid"},
    ):
        assert error_of(send(results)) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert (Order.objects.count(), PaymentEvent.objects.count()) == (1, 2)


def test_an_event_refused_for_a_frozen_wallet_may_be_sent_again(alice: User, package: TokenPackage) -> None:
    freeze(alice)
    results = event_of(alice, package)
    assert error_of(send(results)) == (403, "WALLET_FROZEN")
    assert PaymentEvent.objects.count() == 0

    thaw(alice)
    assert send(results).json()["outcome"] == "credited"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "INVALID_JSON")),
        (b"[]", (400, "VALIDATION_FAILED")),
        (b"[" * 40 + b"]" * 40, (400, "INVALID_JSON")),
        (b'{"eventId": "a", "eventId": "b", "type": "x"}', (400, "INVALID_JSON")),
        (b'{"a": "' + b"x" * 1024 * 1024 + b'"}', (413, "BODY_TOO_LARGE")),
    ],
)
def test_bad_bodies_are_refused_as_everywhere(body: bytes, expected: tuple[int, str]) -> None:
    assert error_of(send(body)) == expected


def test_one_event_delivered_twice_at_once_is_one_credit(alice: User, package: TokenPackage) -> None:
    results = event_of(alice, package)

    answers = race(*[lambda: send(results) for _ in range(6)])

    assert [each.status_code for each in answers] == [200] * 6
    assert balances(alice) == (500, 0, 0, 0)


def test_an_ignored_event_may_arrive_twice_at_once(alice: User, package: TokenPackage) -> None:
    for round_ in range(3):
        results = event_of(alice, package, type="order.created", eventId=f"evt_{round_}")
        assert [each.status_code for each in race(*[lambda: send(results) for _ in range(5)])] == [200] * 5  # noqa: B023

    assert PaymentEvent.objects.count() == 3


def test_two_orders_under_one_event_at_once_are_one_credit(alice: User, package: TokenPackage) -> None:
    first = event_of(alice, package)

    answers = race(lambda: send(first), lambda: send(first | {"orderId": "ord_2"}))

    assert sorted(each.status_code for each in answers) == [200, 409]
    assert (balances(alice), Order.objects.count()) == ((500, 0, 0, 0), 1)


def test_an_endpoint_that_only_looked_first_would_credit_twice(alice: User, package: TokenPackage) -> None:
    both_looked = threading.Barrier(2)

    def naive() -> None:
        with transaction.atomic():
            assert not Order.objects.filter(reference="ord_1").exists()
            both_looked.wait(timeout=30)
            services.deposit(services.Deposit(str(new_id()), alice.pk, Currency.TOKEN, 500, House.SALES))

    race(naive, naive)

    assert balances(alice) == (1_000, 0, 0, 0)


def test_an_event_costs_the_same_few_statements(alice: User, package: TokenPackage) -> None:
    def cost(body: dict[str, Any]) -> int:
        with CaptureQueriesContext(connection) as run:
            assert send(body).status_code == 200
        return sum(not each["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for each in run)

    paid, back = event_of(alice, package), event_of(alice, package, type="order.chargeback")

    assert [cost(paid), cost(paid)] == [8, 2]  # lock, event, order, package, credit, order, live event, event
    assert [cost(back), cost(back)] == [7, 2]
    assert cost(event_of(alice, package, type="order.created")) == 2


def test_paid_and_chargeback_at_once_end_in_one_of_two_orders(alice: User, package: TokenPackage) -> None:
    paid, back = event_of(alice, package), event_of(alice, package, type="order.chargeback")

    answers = race(lambda: send(paid), lambda: send(back))

    assert answers[0].status_code == 200
    assert answers[1].status_code in (200, 404)
    assert balances(alice)[0] == (500 if answers[1].status_code == 404 else 0)


def test_an_events_digest_is_of_all_its_facts() -> None:
    facts: dict[str, Any] = {
        "event_id": "e", "type": "order.paid", "order_id": "o", "user_id": UUID(int=1), "package_id": UUID(int=2),
        "amount": 5,
    }  # fmt: skip
    first = ProviderEvent(**facts)

    assert first.digest == ProviderEvent(**(facts | {"event_id": "f"})).digest
    for name, other in (("type", "x"), ("order_id", "p"), ("user_id", UUID(int=3)), ("amount", 6)):
        assert first.digest != ProviderEvent(**(facts | {name: other})).digest


@pytest.mark.parametrize(
    ("sql", "results"),
    [
        ("UPDATE escrow_tokenpackage SET tokens = 600", "keeps its tokens and price"),
        ("UPDATE escrow_tokenpackage SET price_minor = 1", "keeps its tokens and price"),
        ("UPDATE escrow_tokenpackage SET price_currency = 'USD'", "keeps its tokens and price"),
        ("DELETE FROM escrow_tokenpackage", "append-only"),
        ("UPDATE escrow_order SET tokens = 600", "keeps its terms"),
        ("UPDATE escrow_order SET reference = 'ord_2'", "keeps its terms"),
        ("UPDATE escrow_order SET status = 'charged_back'", "operations say"),
        ("UPDATE escrow_order SET charged_back_at = core_now()", "escrow_order_complete"),
        ("DELETE FROM escrow_order", "append-only"),
        ("UPDATE escrow_paymentevent SET outcome = 'ignored'", "append-only"),
        ("DELETE FROM escrow_paymentevent", "append-only"),
        ("TRUNCATE escrow_paymentevent", "append-only"),
        ("INSERT INTO escrow_tokenpackage (id, title, tokens, price_minor, price_currency, position, is_active)"
         " VALUES (gen_random_uuid(), 't', 0, 1, 'EUR', 0, true)", "escrow_package_tokens_in_range"),
        ("INSERT INTO escrow_tokenpackage (id, title, tokens, price_minor, price_currency, position, is_active)"
         " VALUES (gen_random_uuid(), 't', 5, 1, 'eur', 0, true)", "escrow_package_currency"),
    ],
)  # fmt: skip
def test_raw_sql_changes_no_package_order_or_event(alice: User, package: TokenPackage, sql: str, results: str) -> None:
    send(event_of(alice, package))

    with pytest.raises(IntegrityError, match=results), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_an_order_is_charged_back_while_its_operations_say_so(alice: User, package: TokenPackage) -> None:
    send(event_of(alice, package))
    send(event_of(alice, package, type="order.chargeback"))

    with pytest.raises(IntegrityError, match="operations say"), transaction.atomic():
        Order.objects.update(status="paid", chargeback=None, charged_back_at=None)
