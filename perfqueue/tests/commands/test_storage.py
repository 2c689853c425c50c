"""The statements of commands on items: what is locked and read, and that nothing is stored of what is not there."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from perfqueue import services
from perfqueue.models import QueueItem, State
from perfqueue.services import storage, transitions
from perfqueue.tests.intake.test_intake import at_once
from tests.world import again, buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_item_is_read_with_the_started_one_and_the_first_three_others() -> None:
    ruby, alice = performer(depth=10, user_cap=10), person(tokens=1_000)
    other = performer()
    items = [buy(alice, ruby) for _ in range(7)]
    buy(alice, other)
    services.start(item_id=items[0].id, actor=ruby)

    with transaction.atomic():
        found = storage.lock_item(items[6].id)

    assert found is not None
    assert [item.id for item in found.front.items] == [items[place].id for place in (0, 1, 2, 3, 6)]
    assert [item.id for item in found.front.waiting] == [item.id for item in items[1:4]]
    assert found.front.has_started
    assert (found.queue.pk, found.queue.is_open) == (ruby.pk, True)


def test_fronts_are_read_for_many_queues_without_those_that_move() -> None:
    alice = person(tokens=1_000)
    ruby, opal, idle = performer(depth=10, user_cap=10), performer(), performer()
    of_ruby = [buy(alice, ruby) for _ in range(5)]
    of_opal = buy(alice, opal)
    services.start(item_id=of_opal.id, actor=opal)

    found = storage.fronts([ruby.pk, opal.pk, idle.pk], without=[of_ruby[0].id])

    assert [item.id for item in found[ruby.pk].items] == [item.id for item in of_ruby[1:4]]
    assert (found[opal.pk].has_started, found[opal.pk].waiting) == (True, [])
    assert found[idle.pk].items == []


def test_what_is_in_no_queue_is_not_found() -> None:
    player = person(points=1_000)
    instant = at_once(player)

    with transaction.atomic():
        assert storage.lock_item(instant.item.id) is None
        assert storage.lock_item(uuid4()) is None


def test_a_change_of_what_is_not_there_stores_nothing() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    item = buy(alice, ruby)
    item.refund(now=item.created_at)
    missing = QueueItem(id=uuid4(), state=State.REFUNDED)

    with pytest.raises(DatabaseError, match="1 of 2 items"):
        storage.change([item, missing], transitions.rows_of([item], actor=None))

    assert again(item).state == State.CREATED
    assert item.transitions.count() == 1
