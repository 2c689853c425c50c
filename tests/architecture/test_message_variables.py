"""The variables that an event type declares are those that the services write, for every key."""

from typing import Any

import pytest

from accounts.models import User
from core.ids import new_id
from escrow import services as escrow
from escrow.models import TokenPackage
from escrow.services import payments
from escrow.services.payments import ProviderEvent
from live.models import EventRow
from live.templates import EVENT_TYPES, room_variables
from menus.tests.factories import menu_of
from perfqueue import services as perfqueue
from perfqueue.tests.service_accounts.test_holds import ask, service
from slots.tests.factories import play
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_event_carries_what_its_type_declares(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    ruby, alice = world.performer("ruby", user_cap=10), world.person("alice", tokens=5_000, points=5_000)

    _performances(ruby, alice)
    _orders(alice)
    ask(service(), alice)
    menu_of(ruby)
    play(user=alice, bet=100)

    sent = _sent()
    assert set(sent) == set(EVENT_TYPES)
    for key, names in sent.items():
        assert set(EVENT_TYPES[key].example) == names & (room_variables(key) or names), key


def _performances(ruby: User, alice: User) -> None:
    """Every state, and both notices."""
    first, second, third, fourth = (world.buy(alice, ruby) for _ in range(4))
    perfqueue.start(item_id=first.pk, actor=ruby)
    perfqueue.finish(item_id=first.pk, actor=ruby)
    perfqueue.leave(item_id=second.pk, actor=alice)
    perfqueue.start(item_id=third.pk, actor=ruby)
    perfqueue.abandon(item_id=third.pk, actor=ruby, reason="")
    perfqueue.refund(item_id=fourth.pk, actor=ruby, reason="")
    perfqueue.pause_queue(performer_id=ruby.pk, actor=ruby)


def _orders(alice: User) -> None:
    escrow.make_packages([escrow.Offer("Pocket", 500, 499)])
    package = TokenPackage.objects.get()
    for kind in ("order.paid", "order.chargeback", "order.chargeback_reversed"):
        payments.receive(ProviderEvent(str(new_id()), kind, "ord_1", alice.pk, package.pk, 500))


def _sent() -> dict[str, set[str]]:
    """The variables that every event of a key has."""
    found: dict[str, set[str]] = {}
    for row in EventRow.objects.all():
        names = set(row.variables)
        found[row.key] = found.get(row.key, names) & names
    return found
