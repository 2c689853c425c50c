"""Switches the interval between spins off, except in tests that set it."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_interval(settings: Any) -> None:
    """A test lifts every limit but the one it tests."""
    settings.SLOTS_MIN_INTERVAL_MS = 0
    settings.SLOTS_SPINS_PER_HOUR = 0
