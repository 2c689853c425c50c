"""What was in all wallets at the end of a day, by the snapshots of the house accounts."""

from datetime import UTC, timedelta

import pytest

from core.clock import db_now
from escrow.services import Currency, circulation_by_day
from escrow.services.houses import snapshot_houses
from tests.clock import Clock
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_last_snapshot_of_a_day_counts_and_lasts_until_the_next(clock: Clock) -> None:
    taken = []
    for points, days in ((500, 1), (400, 2), (50, 1)):
        person(points=points)
        clock.shift(days=days)
        snapshot_houses()
        taken.append(db_now().astimezone(UTC).date())
    first, second, last = taken

    found = circulation_by_day(Currency.POINT, first=first - timedelta(days=1), last=last)

    assert found == {first: 500, first + timedelta(days=1): 500, second: 900, last: 950}
    assert circulation_by_day(Currency.POINT, first=second, last=second) == {second: 900}
    assert circulation_by_day(Currency.TOKEN, first=first, last=last) == {}
