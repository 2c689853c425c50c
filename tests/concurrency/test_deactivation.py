"""Deactivating a performer against purchases, starts and the opening of her queue: no item stays behind."""

from collections.abc import Callable

import pytest
from django.db import transaction

from accounts.models import User
from core.db import command
from core.errors import DomainError, NotFound
from perfqueue import services
from perfqueue.models import PerformerQueue
from perfqueue.services import State
from tests.concurrency.naive import Twin
from tests.interleaving import Concurrent
from tests.racing import names, race
from tests.world import again, available, buy, deactivated, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)


def test_purchases_and_a_start_against_a_deactivation() -> None:
    ruby, admin = performer(user_cap=50), staff("admin")
    buyers = [person(tokens=100) for _ in range(8)]
    head = buy(person(tokens=100), ruby)

    outcomes = race(
        lambda: command(lambda: services.deactivate(user_id=ruby.pk, actor=admin)),
        lambda: command(lambda: services.start(item_id=head.pk, actor=ruby)),
        *(lambda buyer=buyer: buy(buyer, ruby) for buyer in buyers),
    )

    assert outcomes[0] is True
    assert isinstance(outcomes[1], services.ItemFacts) or names(outcomes[1:2]) == {"InvalidTransition": 1}
    assert set(names(outcomes[2:])) <= {"QueueItem", "NotFound", "QueueClosed"}
    assert not services.all_items().filter(state__in=[State.CREATED, State.STARTED]).exists()
    assert [available(buyer) for buyer in buyers] == [100] * 8
    assert not PerformerQueue.objects.get(pk=ruby.pk).is_open


@pytest.mark.parametrize("what", ["purchase", "start", "open"])
def test_what_waited_for_a_deactivation_finds_her_gone(what: str) -> None:
    ruby, alice = performer(), person(tokens=100)
    head = buy(alice, ruby)
    work: Callable[[], object] = {
        "purchase": lambda: buy(person(tokens=100), ruby),
        "start": lambda: command(lambda: services.start(item_id=head.pk, actor=ruby)),
        "open": lambda: command(lambda: services.open_queue(performer_id=ruby.pk, actor=ruby)),
    }[what]

    with transaction.atomic():
        deactivated(ruby)
        waiting = Concurrent(work)
        waiting.assert_blocked()

    outcome = waiting.result()
    assert isinstance(outcome, DomainError)
    assert isinstance(outcome, NotFound) is (what != "start")
    assert (again(head).state, available(alice)) == (State.REFUNDED, 100)
    assert not User.objects.get(pk=ruby.pk).is_active


def test_control_a_naive_purchase_stays_behind(twin: Callable[..., Twin]) -> None:
    room = twin(attempts=2, active=1, waiting=0)

    outcomes = race(
        lambda: room.attempt(lambda seen: seen["waiting"] == 0, "active = 0"),  # nobody to refund
        lambda: room.attempt(lambda seen: seen["active"] == 1, "waiting = waiting + 1"),
    )

    assert outcomes == [True, True]
    assert room.facts() == {"active": 0, "waiting": 1}
