"""Spins of one player from many windows are as many as the funds, or the hour, allow. Other limits are lifted."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role, User
from compliance.errors import SelfExcluded
from compliance.models import Break
from compliance.services import exclude_self
from core.db import command
from core.errors import QueueBusy, Refused
from core.ids import new_id
from slots import services
from slots.draw import parse
from slots.models import Spin
from slots.tests.factories import play, player, points_of, state_of
from tests.concurrency.naive import Twin
from tests.concurrency.test_gated import in_order
from tests.racing import names, race
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
MOST_CONNECTIONS = 38


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS, settings.SLOTS_SPINS_PER_HOUR = 0, 0
    settings.LIMIT_CAPS_POINT = (0, 0, 0)


@pytest.fixture
def _one_prize() -> None:
    """Play by a table that returns 95 % and pays one ticket of 8,000,000: whoever spins loses the bet."""
    weights = {"cherry": (199, 0), "diamond": (1, 760_000_000)}
    symbols = [{"s": name, "w": weight, "x3": pay} for name, (weight, pay) in weights.items()]
    table = parse({"id": "one-prize", "version": 1, "unit": 100, "reels": 3, "symbols": symbols})
    drafted = services.draft(table=table, declared_rtp=Fraction(19, 20), actor=person(role=Role.GAMES))
    second = person(role=Role.ADMIN)
    services.approve(paytable_id=drafted.pk, reason="", actor=second)
    services.activate(paytable_id=drafted.pk, reason="", actor=second)


def pressed(user: User, *, closing: bool = False) -> services.SpinResult | Refused:
    """One press, again and again while the lock was not had."""
    try:
        while True:
            try:
                return play(user=user)
            except QueueBusy:
                continue
            except Refused as refused:
                return refused
    finally:
        if closing:
            connection.close()


def crowd(user: User, clients: int) -> list[services.SpinResult | Refused]:
    """Many clients of one player through a limited number of connections."""
    with ThreadPoolExecutor(MOST_CONNECTIONS) as pool:
        return list(pool.map(lambda _: pressed(user, closing=True), range(clients)))


@pytest.mark.usefixtures("_one_prize")
def test_of_two_hundred_clients_with_funds_for_sixty_spins_sixty_spin_and_nothing_is_left() -> None:
    user = player(points=6_000)

    outcomes = crowd(user, 200)

    assert names(outcomes) == {"SpinResult": 60, "InsufficientBalance": 140}
    assert points_of(user) == 0
    assert (state_of(user).nonce, state_of(user).staked_total, state_of(user).paid_total) == (60, 6_000, 0)
    assert sorted(Spin.objects.values_list("balance_after", flat=True)) == list(range(0, 6_000, 100))
    assert services.verify() == []


def test_of_a_hundred_and_fifty_clients_a_hundred_spin_within_the_hour(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 100
    user = player()

    outcomes = crowd(user, 150)

    assert names(outcomes) == {"SpinResult": 100, "HourlyLimitReached": 50}
    left = sorted(outcome.spins_left or 0 for outcome in outcomes if isinstance(outcome, services.SpinResult))
    assert left == list(range(100))
    assert sorted(Spin.objects.values_list("nonce", flat=True)) == list(range(100))


def test_control_naive_clients_spin_more_than_the_funds_allow(twin: Any) -> None:
    wallet: Twin = twin(attempts=10, points=600)

    def spin() -> bool:
        return wallet.attempt(lambda seen: seen["points"] >= 100, "points = points - 100")

    assert race(*[spin] * 10) == [True] * 10
    assert wallet.facts()["points"] < 0


# --- a spin and an exclusion, in both orders --------------------------------------------------------------------


def facts_of(user: User) -> tuple[Any, ...]:
    """All that a spin moves."""
    state = state_of(user)
    return state.nonce, bytes(state.commitment), bytes(state.chain), points_of(user), Spin.objects.count()


def test_an_exclusion_behind_a_spin_waits_for_all_of_it() -> None:
    user = player()

    spun, _ = in_order(lambda: play(user=user), lambda: command(lambda: exclude_self(user=user, duration="6m")))

    assert spun.spin.at < Break.objects.get(user=user).from_at
    assert (state_of(user).nonce, Spin.objects.count()) == (1, 1)
    assert isinstance(pressed(user), SelfExcluded)
    assert services.verify() == []


def test_a_spin_behind_an_exclusion_is_refused_and_moves_nothing() -> None:
    user = player()
    play(user=user)
    before = facts_of(user)

    _, refused = in_order(lambda: exclude_self(user=user, duration="6m"), lambda: play(user=user))

    assert isinstance(refused, SelfExcluded)
    assert facts_of(user) == before


def test_a_spin_behind_an_exclusion_that_rolls_back_is_made() -> None:
    user = player()

    _, spun = in_order(lambda: exclude_self(user=user, duration="6m"), lambda: play(user=user), back=True)

    assert isinstance(spun, services.SpinResult)
    assert not Break.objects.exists()


def test_one_commitment_is_revealed_by_the_first_of_two_spins_that_saw_it() -> None:
    user = player()
    offered = services.fairness(user=user).commitment
    spin = partial(play, user=user, commitment=offered, client_nonce=new_id().bytes)

    spun, refused = in_order(spin, spin)

    assert (type(spun).__name__, type(refused).__name__) == ("SpinResult", "CommitmentStale")
    assert state_of(user).nonce == 1
