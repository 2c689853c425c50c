"""The hour's use by the slot state's pointer is what the search over the nonces finds, at any time, under any limit."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from pytest_django.fixtures import Settings

from core.db import rows
from core.ids import new_id
from slots import gates
from slots.models import SlotState
from slots.tests.factories import play, player
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = """
SELECT w.used AS used, w.oldest_at AS oldest, f.used AS found, f.oldest_at AS first,
       s.window_at > m.now - interval '1 hour' AS is_pointed
  FROM slots_slotstate s, (SELECT core_now() AS now) m,
       slots_window(p_state => s, p_limit => %(limit)s, p_now => m.now,
                    p_from_id => slots_id_floor(slots_id_moment(%(now_id)s) - interval '2 days')) w,
       slots_used(p_user_id => s.user_id, p_next => s.nonce, p_most => %(limit)s,
                  p_since => m.now - interval '1 hour',
                  p_from_id => slots_id_floor(slots_id_moment(%(now_id)s) - interval '2 days')) f
 WHERE s.user_id = %(user)s
"""
STEPS = strategies.lists(
    strategies.tuples(strategies.sampled_from([0, 1, 7, 19, 30, 59, 60, 61]), strategies.sampled_from([0, 2, 3, 5, 8])),
    min_size=1,
    max_size=14,
)


def use(user_id: UUID, limit: int) -> dict[str, Any]:
    (found,) = rows(BOTH, {"user": user_id, "limit": limit, "now_id": new_id()})
    return found


@pytest.fixture
def no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers a reality check here."""
    monkeypatch.setattr(gates, "REALITY_EVERY", timedelta(days=1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_pointer_says_what_the_search_finds(
    no_check: None, settings: Settings, clock: Clock, steps: list[tuple[int, int]]
) -> None:
    """A step: so many minutes later, under this limit (0: off), spin if there is one left."""
    user = player()
    for minutes, limit in steps:
        clock.shift(minutes=minutes)
        settings.SLOTS_SPINS_PER_HOUR = limit
        if not limit or not SlotState.objects.filter(user_id=user.pk).exists() or use(user.pk, limit)["used"] < limit:
            play(user=user)
        for asked in (1, 2, 3, 5, 8, 100):
            found = use(user.pk, asked)
            assert (found["used"], found["oldest"]) == (found["found"], found["first"]), (minutes, limit, asked)


def test_a_spin_of_the_hour_is_pointed_to(settings: Settings, clock: Clock) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 5
    user = player()
    first = play(user=user).spin
    clock.shift(minutes=20)
    second = play(user=user).spin

    state = SlotState.objects.get(user_id=user.pk)
    assert (state.window_nonce, state.window_at) == (0, first.at)
    clock.shift(minutes=41)
    play(user=user)
    state = SlotState.objects.get(user_id=user.pk)
    assert (state.window_nonce, state.window_at) == (1, second.at)


def test_a_spin_without_a_limit_points_nowhere(settings: Settings) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 5
    user = player()
    play(user=user)
    settings.SLOTS_SPINS_PER_HOUR = 0
    play(user=user)

    state = SlotState.objects.get(user_id=user.pk)
    assert (state.window_nonce, state.window_at) == (None, None)
    assert use(user.pk, 5)["used"] == 2


def test_a_clock_that_ran_back_is_no_reason_to_trust_the_pointer(settings: Settings, clock: Clock) -> None:
    """What was out of the hour before the last spin may be in the hour before an earlier time."""
    settings.SLOTS_SPINS_PER_HOUR = 5
    user = player()
    play(user=user)
    clock.shift(minutes=75)
    play(user=user)
    clock.shift(minutes=-45)

    found = use(user.pk, 5)
    assert found["is_pointed"]
    assert found["used"] == found["found"] == 2
    assert found["oldest"] == found["first"]


def test_a_pointer_to_a_later_time_than_the_last_spins_is_not_trusted(settings: Settings) -> None:
    """The clock has run back between the two: times do not rise with the nonces."""
    settings.SLOTS_SPINS_PER_HOUR = 5
    user = player()
    play(user=user)

    (found,) = rows(
        "SELECT w.used FROM slots_slotstate s, slots_window(p_limit => 5, p_now => core_now(), p_from_id => %s,"
        " p_state => jsonb_populate_record(s, jsonb_build_object('window_nonce', -1, 'window_at',"
        " s.last_spin_at + interval '1 minute'))) w WHERE s.user_id = %s",
        [UUID(int=0), user.pk],
    )

    assert found["used"] == 1
