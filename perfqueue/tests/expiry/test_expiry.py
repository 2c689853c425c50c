"""An item that is overdue, and an expiry that fails."""

import pytest
from django.db import connection

from core.errors import NotFound
from escrow.tests.factories import tampering
from perfqueue import services
from perfqueue.errors import RopeDropExpired
from perfqueue.models import State
from tests import world
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_head_whose_maximum_wait_passed_while_start_waited_for_the_lock_is_not_started(clock: Clock) -> None:
    buyer, ruby = world.person(tokens=1_000), world.performer(rope_drop_s=900, max_wait_s=60)
    item = world.buy(buyer, ruby)
    clock.shift(seconds=61)

    with pytest.raises(RopeDropExpired):
        services.start(item_id=item.pk, actor=ruby)

    assert world.again(item).state == State.CREATED


@pytest.mark.tampers
def test_an_expiry_that_cannot_return_the_hold_leaves_the_item_as_it_was(clock: Clock) -> None:
    buyer, ruby = world.person(tokens=1_000), world.performer(rope_drop_s=60)
    item = world.buy(buyer, ruby)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM escrow_hold WHERE id = %s", [item.hold_id])
    clock.shift(seconds=61)

    with pytest.raises(NotFound):
        services.expire_due(ruby.pk)

    assert world.again(item).state == State.CREATED
