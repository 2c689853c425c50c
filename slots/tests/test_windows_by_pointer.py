"""What was staked in 24 hours, 7 and 30 days is found by pointers and sums up the spins; when a full one frees."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from pytest_django.fixtures import Settings

from accounts.models import User
from compliance.errors import SpendLimitReached
from compliance.models import Limit
from compliance.models.spending import Window
from core.db import rows
from escrow.services import Currency, House, hold
from escrow.tests.factories import request
from slots.models import SlotState, Spin
from slots.services.reality import play_of
from slots.tests.factories import play, player
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)

SUMS = """
SELECT coalesce(sum(bet) FILTER (WHERE at > core_now() - interval '24 hours'), 0)::bigint AS day,
       coalesce(sum(bet) FILTER (WHERE at > core_now() - interval '7 days'), 0)::bigint AS week,
       coalesce(sum(bet) FILTER (WHERE at > core_now() - interval '30 days'), 0)::bigint AS month
  FROM slots_spin WHERE user_id = %s
"""
STEPS = strategies.lists(strategies.sampled_from([0, 1, 5, 23, 24, 25, 100, 167, 168, 169, 719, 721]), max_size=12)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hours=STEPS)
def test_the_pointers_say_what_the_spins_sum_up_to(settings: Settings, clock: Clock, hours: list[int]) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    user = player()
    for step in hours:
        clock.shift(hours=step)
        before = rows(SUMS, [user.pk])[0]
        left = play(user=user).limits_left
        assert left == (9_900 - before["day"], 39_900 - before["week"], 119_900 - before["month"])
        assert play_of(user.pk).staked == tuple(rows(SUMS, [user.pk])[0].values())


def test_pointers_that_are_missing_are_searched(clock: Clock, settings: Settings) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    user = player()
    for hours in (0, 20, 20, 20):
        clock.shift(hours=hours)
        play(user=user)
    names = [f"{window}_{part}" for window in ("day", "week", "month") for part in ("nonce", "at", "staked")]
    SlotState.objects.update(**dict.fromkeys(names))

    assert play_of(user.pk).staked == (200, 400, 400)


def limited(user: User, amount: int, window: str = Window.DAY) -> None:
    Limit.objects.update_or_create(user=user, currency=Currency.POINT.value, window=window, defaults={"amount": amount})


def refused(user: User) -> Any:
    with pytest.raises(SpendLimitReached) as caught:
        play(user=user)
    return caught.value.details


def test_a_full_window_frees_when_enough_of_the_oldest_has_left(clock: Clock, settings: Settings) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    user = player()
    for _ in range(3):
        play(user=user)
        clock.shift(hours=1)
    first, second, third = Spin.objects.filter(user_id=user.pk).order_by("nonce")
    day = timedelta(hours=24)

    limited(user, 300)
    full = {"currency": "POINT", "window": "24h", "scope": "user", "limit": 300, "used": 300}
    assert refused(user) == full | {"freesAt": first.at + day}
    limited(user, 150)
    assert refused(user)["freesAt"] == third.at + day
    limited(user, 250)
    assert refused(user)["freesAt"] == second.at + day
    limited(user, 99)
    assert refused(user)["freesAt"] is None

    limited(user, 300)
    clock.shift(seconds=(refused(user)["freesAt"] - third.at).total_seconds() - 3_600)
    assert play(user=user).limits_left[0] == 0


def test_holds_of_other_features_are_spent_too_and_leave_with_the_spins(clock: Clock, settings: Settings) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    user = player()
    play(user=user)
    clock.shift(hours=1)
    hold(request(user, House.SLOTS_BANK, 70, currency=Currency.POINT))
    clock.shift(hours=1)
    play(user=user)
    first, last = Spin.objects.filter(user_id=user.pk).order_by("nonce")

    limited(user, 300)
    found = refused(user)
    assert (found["used"], found["freesAt"]) == (270, first.at + timedelta(hours=24))
    limited(user, 200)
    assert first.at + timedelta(hours=25) <= refused(user)["freesAt"] < last.at + timedelta(hours=24)
    limited(user, 199)
    assert refused(user)["freesAt"] == last.at + timedelta(hours=24)


def test_a_clock_that_ran_back_is_searched_from_the_beginning(clock: Clock, settings: Settings) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    user = player()
    play(user=user)
    clock.shift(hours=25)
    play(user=user)
    clock.reset()

    assert play_of(user.pk).staked == (200, 200, 200)
