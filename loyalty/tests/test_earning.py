"""Points for tokens: once per order and tip, for who is linked, taken back with the order, off by default."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings

import perfqueue.services
from accounts.models import User
from core.ids import new_id
from escrow import services as escrow
from escrow.models import Order, TokenPackage
from escrow.services.payments import CHARGEBACK, CHARGEBACK_REVERSED, PAID, ProviderEvent, receive
from loyalty.models import Link, RemoteOperation
from loyalty.services import earning, outbox, rounds
from loyalty.tests.remote import Remote
from menus.tests.factories import bought, item_in, menu_of
from tests.clock import Clock
from tests.world import buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two points a token; the clocks of hosts are one clock."""
    monkeypatch.setattr(earning, "MARGIN", timedelta())
    with override_settings(LOYALTY_EARN_POINTS_PER_TOKEN=2):
        yield


@pytest.fixture
def alice(remote: Remote, transactional_db: None) -> User:
    """Linked, after the first round."""
    user = linked(person())
    escrow.make_packages([escrow.Offer("Pocket", 500, 499)])
    earning.pull()
    return user


def linked(user: User) -> User:
    Link.objects.create(user=user, member_id=f"member-{user.pk}")
    return user


def event(user: User, order: str, type: str = PAID) -> None:
    package = TokenPackage.objects.get()
    receive(ProviderEvent(f"e-{new_id()}", type, order, user.pk, package.pk, 500))


def operations() -> list[tuple[str, int, str]]:
    found = RemoteOperation.objects.order_by("kind", "id")
    return [(each.kind, each.amount, each.state) for each in found]


def points(remote: Remote, user: User) -> int:
    return remote.balances[str(user.pk)]


def test_a_paid_order_earns_once(remote: Remote, alice: User) -> None:
    event(alice, "o-1")

    assert (earning.pull(), earning.pull()) == (1, 0)
    outbox.deliver_due()

    order = Order.objects.get()
    row = RemoteOperation.objects.get()
    assert (row.key, row.source, row.state) == (f"order-{order.pk}-earn", str(order.pk), "confirmed")
    assert remote.calls[-1][2] == {
        "userId": str(alice.pk),
        "points": 1_000,
        "reason": "token_purchase",
        "transactionId": row.key,
        "metadata": {"orderId": str(order.pk), "tokens": 500},
    }
    assert points(remote, alice) == 1_000


def test_a_purchase_does_not_wait_for_redroomrewards(remote: Remote, alice: User, clock: Clock) -> None:
    remote.befalls("earn", *["drop_before"] * 3)
    event(alice, "o-1")

    earning.pull()
    assert outbox.deliver_due() == 0
    assert Order.objects.get().status == "paid"
    clock.shift(seconds=2)

    assert outbox.deliver_due() == 1


def test_a_reversal_takes_back_what_the_order_earned_once(remote: Remote, alice: User) -> None:
    event(alice, "o-1")
    earning.pull()
    outbox.deliver_due()
    for type in (CHARGEBACK, CHARGEBACK_REVERSED, CHARGEBACK):
        event(alice, "o-1", type)
        earning.pull()
        outbox.deliver_due()

    assert operations() == [("earn", 1_000, "confirmed"), ("earn_reversal", 1_000, "confirmed")]
    assert points(remote, alice) == 0
    reversal = remote.calls[-1][2]
    assert (reversal["reason"], reversal["amount"]) == ("earn_reversal", 1_000)
    assert reversal["transactionId"] == f"order-{Order.objects.get().pk}-reversal"


def test_points_that_are_spent_are_not_taken_back(remote: Remote, alice: User) -> None:
    event(alice, "o-1")
    earning.pull()
    outbox.deliver_due()
    remote.balances[str(alice.pk)] = 999
    event(alice, "o-1", CHARGEBACK)
    earning.pull()
    outbox.deliver_due()

    assert operations()[-1] == ("earn_reversal", 1_000, "refused")


def test_a_reversal_waits_until_the_order_has_earned(remote: Remote, alice: User, clock: Clock) -> None:
    event(alice, "o-1")
    event(alice, "o-1", CHARGEBACK)
    remote.befalls("earn", *["status:500"] * 3)

    assert earning.pull() == 2
    assert outbox.deliver_due() == 0
    assert remote.count("deduct") == 0
    clock.shift(seconds=2)
    assert outbox.deliver_due() == 2
    assert points(remote, alice) == 0


def test_a_settled_menu_item_earns_for_its_buyer(remote: Remote, alice: User) -> None:
    ruby = performer()
    escrow.deposit(escrow.Deposit(str(new_id()), alice.pk, escrow.Currency.TOKEN, 100, escrow.House.MINT))
    song, other = bought(alice, item_in(menu_of(ruby), price=30)), buy(alice, ruby, 20)
    assert earning.pull() == 0, "nothing is settled"
    for item_id in (song.id, other.id):
        perfqueue.services.start(item_id=item_id, actor=ruby)
        perfqueue.services.finish(item_id=item_id, actor=ruby)

    assert earning.pull() == 1

    row = RemoteOperation.objects.get()
    assert (row.kind, row.amount, row.body["reason"]) == ("earn", 60, "tip")
    assert row.key == f"tip-{row.source}-earn"


def test_who_is_not_linked_earns_nothing(remote: Remote, alice: User) -> None:
    bob = person()
    event(bob, "o-2")

    assert earning.pull() == 0
    linked(bob)
    assert earning.pull() == 0, "it was read before"


def test_what_was_paid_before_it_was_switched_on_earns_nothing(remote: Remote) -> None:
    alice = linked(person())
    escrow.make_packages([escrow.Offer("Pocket", 500, 499)])
    event(alice, "o-1")

    assert earning.pull() == 0
    assert operations() == []


def test_off_by_default(remote: Remote, alice: User) -> None:
    event(alice, "o-1")

    with override_settings(LOYALTY_EARN_POINTS_PER_TOKEN=0):
        assert rounds.earn() == 0
    with override_settings(LOYALTY_BACKEND="local"):
        assert (rounds.earn(), rounds.deliver(), rounds.reconcile(), rounds.compare()) == (0, 0, 0, 0)
    assert rounds.earn() == 1


def test_many_orders_are_read_in_pages(remote: Remote, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earning, "ROWS", 3)
    for number in range(7):
        event(alice, f"o-{number}")

    assert earning.pull() == 7
    assert earning.pull() == 0
    sources: set[Any] = set(RemoteOperation.objects.values_list("source", flat=True))
    assert {UUID(each) for each in sources} == set(Order.objects.values_list("pk", flat=True))
