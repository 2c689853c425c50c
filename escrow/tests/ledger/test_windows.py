"""What was spent since a time: what is held or captured, without spins."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from core.clock import db_now
from core.db import rows
from escrow import services
from escrow.services import Close, Currency, House
from escrow.tests.factories import finished, request
from slots.tests.factories import play
from tests.clock import Clock
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)

SPENT = """
SELECT * FROM escrow_spent(p_user => %(users)s::uuid[], p_currency => %(currency)s, p_since => %(since)s::timestamptz[])
"""


def spent(users: Sequence[User], currency: str, *since: datetime) -> list[list[int]]:
    found = rows(SPENT, {"users": [user.pk for user in users], "currency": currency, "since": list(since)})
    by_user = {row["payer_id"]: row["spent"] for row in found}
    return [by_user[user.pk] for user in users]


def test_what_is_held_or_settled_counts_and_what_is_refunded_does_not(clock: Clock) -> None:
    alice, bob, ruby = person(tokens=1_000, points=1_000), person(tokens=1_000), performer()
    start = db_now()
    services.close_many([Close("k", finished(alice, ruby, 100, 61), 61, 39)])
    services.hold(request(alice, ruby, 40))
    clock.shift(hours=25)
    later = db_now()
    services.hold(request(alice, ruby, 7))
    services.hold(request(alice, House.SLOTS_BANK, 3, currency=Currency.POINT))

    assert spent([alice, bob], "TOKEN", start, later, db_now()) == [[108, 7, 0], [0, 0, 0]]
    assert spent([alice], "POINT", start) == [[3]]


def test_spins_are_left_out_for_their_running_totals_have_them() -> None:
    alice = person(points=1_000)
    play(user=alice)

    assert spent([alice], "POINT", datetime.now(UTC) - timedelta(days=1)) == [[0]]
