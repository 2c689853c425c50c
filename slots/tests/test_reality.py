"""Reality checks: what they show, when the next is due, and that a spin waits for them."""

from typing import Any

import pytest

from accounts.models import User
from compliance.errors import RealityCheckDue
from slots.models import SlotState
from slots.tests.factories import play, player
from tests.clock import Clock
from tests.world import client_of, performer

pytestmark = pytest.mark.django_db(transaction=True)

NONE = {"elapsedSeconds": 0, "netPoints": 0, "stakedPoints": 0, "wonPoints": 0, "nextDueAt": None}


@pytest.fixture
def user() -> User:
    return player()


def answer(user: User) -> Any:
    return client_of(user).post("/api/v1/slot-machine/reality-check", {}, format="json").json()


def test_without_a_session_there_is_nothing_to_see(user: User, clock: Clock) -> None:
    assert answer(user) == NONE
    play(user=user)
    clock.shift(minutes=30)

    assert answer(user) == NONE
    assert SlotState.objects.get(user=user).acknowledged_at is None


def test_only_users_play() -> None:
    assert answer(performer())["error"]["code"] == "ROLE_NOT_ALLOWED"


def test_a_check_is_due_after_thirty_minutes_and_once_answered_again_after_thirty(user: User, clock: Clock) -> None:
    first = play(user=user).spin
    clock.shift(minutes=20)
    second = play(user=user).spin
    clock.shift(minutes=10, seconds=1)

    with pytest.raises(RealityCheckDue) as refused:
        play(user=user)
    net = first.payout + second.payout - 200
    assert refused.value.details["netPoints"] == net
    assert 1_801 <= refused.value.details["elapsedSeconds"] < 1_900

    seen = answer(user)
    assert (seen["netPoints"], seen["stakedPoints"], seen["wonPoints"]) == (net, 200, net + 200)
    state = SlotState.objects.get(user=user)
    assert state.acknowledged_at == state.reality_at
    assert client_of(user).get("/api/v1/limits").json()["realityCheck"] == {
        "everyMinutes": 30,
        "dueAt": seen["nextDueAt"],
    }

    play(user=user)
    clock.shift(minutes=29)
    play(user=user)
    clock.shift(minutes=1)
    with pytest.raises(RealityCheckDue):
        play(user=user)


def test_thirty_idle_minutes_end_the_session_and_nothing_is_due(user: User, clock: Clock) -> None:
    play(user=user)
    clock.shift(minutes=30)

    assert play(user=user).session.staked_points == 100
