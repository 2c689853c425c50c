"""What must hold when time, a broken hold or a loud reason meets a command."""

from typing import Any

import pytest
from django.db import IntegrityError, connection

from core.db import rows
from core.errors import NotFound
from escrow.tests.factories import tampering
from live.models import EventRow
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


def test_a_reason_in_capitals_stays_out_of_the_events() -> None:
    buyer, ruby = world.person(tokens=1_000), world.performer()
    item = world.buy(buyer, ruby)

    services.refund(item_id=item.pk, actor=ruby, reason="ANNA SMITH CALLED ME ON 555 0199")

    told: list[dict[str, Any]] = list(EventRow.objects.values_list("variables", flat=True))
    assert all("SMITH" not in str(each) for each in told)


def test_the_systems_own_reason_is_told() -> None:
    buyer, ruby = world.person(tokens=1_000), world.performer()
    item = world.buy(buyer, ruby)

    services.leave(item_id=item.pk, actor=buyer)

    assert EventRow.objects.get(key="queue.item.refunded").variables["reason"] == "LEFT"


def test_naming_an_escrow_function_in_a_comment_gives_no_access_to_a_wallet() -> None:
    buyer = world.person(tokens=1_000)
    forged = (
        "DO $$ BEGIN EXECUTE 'UPDATE escrow_wallet SET available = available + 1, version = version + 1"
        " /* function escrow_hold( */'; END $$"
    )

    with pytest.raises(IntegrityError, match="escrow functions only"):
        rows(forged)

    assert world.available(buyer) == 1_000


def test_a_length_that_is_no_decimal_is_a_refusal_and_no_crash() -> None:
    client = world.client_of(world.person())

    answer = client.post(
        "/api/v1/slot-machine/spin", data=b"{}", content_type="application/json", CONTENT_LENGTH="\u00b2"
    )

    assert answer.status_code == 400
