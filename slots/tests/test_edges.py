"""Windows end to the microsecond: what was just an hour, a day, a week or a month ago has left."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from core.db import rows
from core.ids import new_id
from slots.models import SlotState, Spin
from slots.tests.factories import play, player
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)

USED = """
SELECT h.used, h.oldest_at FROM slots_slotstate s, slots_used(
    p_user_id => s.user_id, p_next => s.nonce, p_most => 100, p_since => %s - interval '1 hour',
    p_from_id => slots_id_floor(slots_id_moment(%s) - interval '40 days')) AS h
"""
WINDOW = """
SELECT h.used, h.oldest_at FROM slots_slotstate s, slots_window(
    p_state => s, p_limit => 100, p_now => %s,
    p_from_id => slots_id_floor(slots_id_moment(%s) - interval '40 days')) AS h
"""
WINDOWS = """
SELECT w.* FROM slots_slotstate s, slots_windows(p_state => s, p_now => %s, p_spin_id => %s) AS w
"""
MOMENT = timedelta(microseconds=1)
LENGTHS = {"day": timedelta(hours=24), "week": timedelta(days=7), "month": timedelta(days=30)}


@pytest.fixture
def times(settings: Any, clock: Clock) -> list[datetime]:
    """When somebody spun, three times within minutes, every limit being counted."""
    settings.SLOTS_SPINS_PER_HOUR = 100
    user: User = player()
    for _ in range(3):
        play(user=user)
        clock.shift(minutes=1)
    return list(Spin.objects.order_by("nonce").values_list("at", flat=True))


def without_pointers() -> None:
    names = [f"{window}_{part}" for window in LENGTHS for part in ("nonce", "at", "staked")]
    SlotState.objects.update(**dict.fromkeys(names))


@pytest.mark.parametrize("sql", [USED, WINDOW], ids=["searched", "pointed to"])
def test_a_spin_leaves_the_hour_just_an_hour_later(times: list[datetime], sql: str) -> None:
    first, second, _ = times
    hour_later = first + timedelta(hours=1)

    assert rows(sql, [hour_later - MOMENT, new_id()]) == [{"used": 3, "oldest_at": first}]
    assert rows(sql, [hour_later, new_id()]) == [{"used": 2, "oldest_at": second}]


@pytest.mark.parametrize("searched", [True, False], ids=["searched", "pointed to"])
@pytest.mark.parametrize("window", LENGTHS)
def test_a_stake_leaves_its_window_to_the_microsecond(times: list[datetime], window: str, searched: bool) -> None:
    first, second, _ = times
    leaves = first + LENGTHS[window]
    if searched:
        without_pointers()

    (just_in,), (just_out,) = (rows(WINDOWS, [now, new_id()]) for now in (leaves - MOMENT, leaves))

    facts = [[found[f"{window}_{part}"] for part in ("nonce", "at", "staked")] for found in (just_in, just_out)]
    assert facts == [[0, first, 0], [1, second, 100]]
