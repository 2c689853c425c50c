"""Start-up refuses to run for real with a spin limit switched off."""

from typing import Any

import pytest
from django.core.checks import run_checks

from slots.checks import spin_limits_are_on


def problems() -> list[str]:
    return [str(problem.id) for problem in spin_limits_are_on(None)]


@pytest.mark.parametrize(
    ("interval_ms", "per_hour", "relaxed", "found"),
    [
        (2_500, 100, False, []),
        (0, 100, False, ["slots.E001"]),
        (2_500, 0, False, ["slots.E002"]),
        (0, 0, False, ["slots.E001", "slots.E002"]),
        (0, 0, True, []),
        (-1, -1, True, ["slots.E001", "slots.E002"]),
    ],
)
def test_a_limit_may_be_off_in_demo_and_test_only(
    settings: Any, interval_ms: int, per_hour: int, relaxed: bool, found: list[str]
) -> None:
    settings.SLOTS_MIN_INTERVAL_MS, settings.SLOTS_SPINS_PER_HOUR, settings.RELAXED = interval_ms, per_hour, relaxed

    assert problems() == found


def test_the_check_runs_at_start_up(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS, settings.RELAXED = 0, False

    assert "slots.E001" in [problem.id for problem in run_checks()]
