"""Months to come: the clock of the database and that of ids are moved together."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from core.ids import new_id
from slots.services import archives, detaching, gating, paytables, spun
from slots.services.archiving import month_after, month_of
from tests.clock import Clock

Go = Callable[[], date]


@pytest.fixture
def next_month(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Go:
    """Go to the second day of the next month and return its first; spins are stored there, archives see it."""
    ahead = timedelta()

    def later_id() -> UUID:
        return UUID(int=new_id().int + (int(ahead.total_seconds() * 1000) << 80))

    def go() -> date:
        nonlocal ahead
        month = month_after(month_of(later_id()))
        then = datetime(month.year, month.month, 2, tzinfo=UTC)
        step = then - datetime.now(UTC) - ahead
        clock.shift(seconds=step.total_seconds())
        ahead += step
        return month

    for module in (archives, detaching, gating, paytables, spun):
        monkeypatch.setattr(module, "new_id", later_id)
    return go
