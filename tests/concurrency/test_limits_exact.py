"""Spending limits and exclusions are exact when many windows spend at once: not one point or token over."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts.models import User
from compliance.errors import LimitPending, SelfExcluded, SpendLimitReached
from compliance.models import Break, Limit
from compliance.services import confirm_limit, exclude_self, set_limit
from core.db import command
from core.errors import QueueBusy
from menus.tests.factories import bought, item_in, menu_of
from slots.models import Spin
from slots.services.reality import play_of
from slots.tests.factories import play, player
from tests.clock import Clock
from tests.racing import names, race
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)
PRESSES = 50


@pytest.fixture(autouse=True)
def _fast(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS, settings.SLOTS_SPINS_PER_HOUR = 0, 0
    settings.LIMIT_CAPS_POINT = (0, 0, 0)


def pressing(user: User) -> Callable[[], Any]:
    """One press, again and again while the lock was not had."""

    def press() -> Any:
        while True:
            try:
                return play(user=user)
            except QueueBusy:
                continue

    return press


def test_fifty_at_a_spending_limit_are_as_many_spins_as_it_allows() -> None:
    user = player()
    command(lambda: set_limit(user=user, currency="POINT", window="24h", amount=1_250))

    outcomes = race(*[pressing(user)] * PRESSES)

    assert names(outcomes) == Counter({"SpinResult": 12, SpendLimitReached.__name__: PRESSES - 12})
    assert play_of(user.pk).staked[0] == 1_200
    assert {each.limits_left[0] for each in outcomes if not isinstance(each, Exception)} == set(range(50, 1_250, 100))


def test_a_limit_that_is_set_while_spins_run_holds_from_then_on() -> None:
    user = player()
    outcomes = race(
        *[pressing(user)] * 12,
        lambda: command(lambda: set_limit(user=user, currency="POINT", window="24h", amount=500)),
        *[pressing(user)] * 12,
    )

    limit = Limit.objects.get(user=user)
    late = Spin.objects.filter(user_id=user.pk, at__gt=limit.since).count()
    early = Spin.objects.filter(user_id=user.pk).count() - late
    assert late == max(5 - early, 0)
    assert names(outcomes)["SpinResult"] == early + late


def test_a_looser_limit_does_not_hold_before_it_is_confirmed(clock: Clock) -> None:
    user = player()
    command(lambda: set_limit(user=user, currency="POINT", window="24h", amount=300))
    outcomes = race(
        lambda: command(lambda: set_limit(user=user, currency="POINT", window="24h", amount=900)),
        lambda: command(lambda: confirm_limit(user=user, currency="POINT", window="24h")),
        *[pressing(user)] * 9,
    )

    assert names(outcomes)["SpinResult"] == 3
    clock.shift(hours=23)
    with pytest.raises(LimitPending):
        command(lambda: confirm_limit(user=user, currency="POINT", window="24h"))


def test_an_exclusion_during_spins_comes_before_or_after_each() -> None:
    user = player()
    outcomes = race(
        *[pressing(user)] * 10, lambda: command(lambda: exclude_self(user=user, duration="6m")), *[pressing(user)] * 10
    )

    began = Break.objects.get(user=user).from_at
    spins = Spin.objects.filter(user_id=user.pk)
    assert names(outcomes)["SpinResult"] == spins.count() == spins.filter(at__lt=began).count()
    assert names(outcomes)["SpinResult"] + names(outcomes)[SelfExcluded.__name__] == 20


def test_purchases_in_many_rooms_stop_at_the_limit_of_tokens() -> None:
    buyer = person(tokens=1_000)
    items = [item_in(menu_of(performer())) for _ in range(8)]
    command(lambda: set_limit(user=buyer, currency="TOKEN", window="7d", amount=139))

    outcomes = race(*[partial(bought, buyer, item) for item in items])

    assert names(outcomes) == Counter({"ItemFacts": 3, SpendLimitReached.__name__: 5})
