"""escrow_repair restores a wallet that was changed from outside to its last entry."""

import pytest
from django.db import connection

from core.ids import new_id
from escrow import services
from escrow.services import adjustments
from escrow.services.adjustments import Repair
from escrow.tests.factories import balances, tampering, wallet
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_wallet_changed_from_outside_is_restored_to_its_entries() -> None:
    buyer = world.person(tokens=100)
    found = wallet(buyer)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 1000 WHERE id = %s", [found.pk])
    assert [each.check for each in services.verify()] == ["V2"]

    done, nothing, unknown = adjustments.repair_many(
        [Repair(found.pk, reason="tampered"), Repair(found.pk), Repair(new_id())]
    )

    assert (done.code, nothing.code, unknown.code) == (None, "INVALID_TRANSITION", "NOT_FOUND")
    assert balances(buyer) == (100, 0, 0, 0)
    assert services.verify() == []


@pytest.mark.tampers
def test_a_wallet_whose_version_was_changed_too_is_left_to_a_backup() -> None:
    found = wallet(world.person(tokens=100))
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 1000, version = version + 1 WHERE id = %s", [found.pk])

    (done,) = adjustments.repair_many([Repair(found.pk)])

    assert done.code == "INVALID_TRANSITION"
    assert [each.check for each in services.verify()] == ["V2"]
