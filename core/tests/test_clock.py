"""The one clock."""

import pytest

from core.checks import clock_is_not_shifted
from core.clock import db_now
from core.models import Heartbeat
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_clock_moves_inside_a_transaction_and_where_tests_move_it(clock: Clock) -> None:
    before = db_now()
    clock.shift(hours=3)
    after = db_now()

    assert 3 * 3600 <= (after - before).total_seconds() < 3 * 3600 + 5


def test_defaults_of_rows_use_the_same_clock(clock: Clock) -> None:
    clock.shift(days=30)

    row = Heartbeat.objects.create(name="x")
    row.refresh_from_db()

    assert abs((row.at - db_now()).total_seconds()) < 5


def test_a_shifted_clock_stops_production_from_starting(clock: Clock, settings: object) -> None:
    assert clock_is_not_shifted(["default"]) == []
    clock.shift(seconds=1)
    assert clock_is_not_shifted(["default"]) == []

    settings.RELAXED = False  # type: ignore[attr-defined]
    assert [error.id for error in clock_is_not_shifted(["default"])] == ["core.E001"]
