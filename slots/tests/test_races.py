"""Limits are exact when one player spins from many windows at once. Beside each race a naive twin that must fail.

Each race lifts every limit but the one it tests. A lock that was not had in time is asked for again.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.models import User
from core.clock import db_now
from core.db import rows
from core.errors import QueueBusy
from core.ids import new_id
from escrow.errors import InsufficientBalance
from slots import services
from slots.errors import CommitmentStale, HourlyLimitReached, SpinTooFast
from slots.models import SlotState, Spin
from slots.tests.factories import losing, play, player, points_of, post_spin, state_of
from tests.racing import names, race
from tests.world import client_of

pytestmark = pytest.mark.django_db(transaction=True)
WINDOWS = 20


def spin_of(user: User, **given: Any) -> Callable[[], services.SpinResult]:
    """One window's press, again and again while the lock was not had."""

    def press() -> services.SpinResult:
        while True:
            try:
                return play(user=user, bet=100, **given)
            except QueueBusy:
                continue

    return press


def nonces_of(user: User) -> list[int]:
    return sorted(Spin.objects.filter(user_id=user.id).values_list("nonce", flat=True))


def test_the_hourly_limit_is_exact(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 7
    user = player()

    outcomes = race(*[spin_of(user)] * WINDOWS)

    assert names(outcomes) == Counter({"SpinResult": 7, HourlyLimitReached.__name__: WINDOWS - 7})
    assert nonces_of(user) == list(range(7))
    assert services.hourly_use(user=user).remaining == 0


def test_the_interval_lets_one_of_many_presses_through(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 60_000
    user = player()

    outcomes = race(*[spin_of(user)] * WINDOWS)

    assert names(outcomes) == Counter({"SpinResult": 1, SpinTooFast.__name__: WINDOWS - 1})


def test_a_commitment_is_revealed_once() -> None:
    user = player()
    offered = services.fairness(user=user)

    outcomes = race(*[spin_of(user, commitment=offered.commitment)] * WINDOWS)

    assert names(outcomes) == Counter({"SpinResult": 1, CommitmentStale.__name__: WINDOWS - 1})


def test_the_balance_is_spent_once() -> None:
    user = player(points=100)
    lost = losing(user)

    outcomes = race(*[spin_of(user, client_nonce=lost)] * 8)

    spins = [outcome for outcome in outcomes if isinstance(outcome, services.SpinResult)]
    assert len(spins) >= 1
    assert names(outcomes) == Counter({"SpinResult": len(spins), InsufficientBalance.__name__: 8 - len(spins)})
    assert points_of(user) == 100 - 100 * len(spins) + sum(outcome.spin.payout for outcome in spins) >= 0


def test_first_spins_of_one_user_open_one_state() -> None:
    user = player()

    outcomes = race(*[spin_of(user)] * WINDOWS)

    assert names(outcomes) == Counter({"SpinResult": WINDOWS})
    assert nonces_of(user) == list(range(WINDOWS))
    assert (state_of(user).nonce, state_of(user).staked_total) == (WINDOWS, WINDOWS * 100)
    assert services.verify() == []


def test_one_key_sent_many_times_spins_once() -> None:
    user = player()

    outcomes = race(*[lambda: post_spin(client_of(user), key="one-and-the-same")] * WINDOWS)

    assert {outcome.status_code for outcome in outcomes} == {200}
    assert len({outcome.content for outcome in outcomes}) == 1
    assert Counter(outcome.get("Idempotent-Replayed") for outcome in outcomes)[None] == 1
    assert nonces_of(user) == [0]


def test_the_question_for_fairness_opens_one_state() -> None:
    user = player()

    outcomes = race(*[lambda: services.fairness(user=user)] * 10)

    assert len(set(outcomes)) == 1
    assert SlotState.objects.filter(user_id=user.id).count() == 1


def test_many_users_do_not_wait_for_each_other(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 2
    users = [player() for _ in range(8)]

    outcomes = race(*[spin_of(user) for user in users for _ in range(3)])

    assert names(outcomes) == Counter({"SpinResult": 16, HourlyLimitReached.__name__: 8})
    assert {len(nonces_of(user)) for user in users} == {2}


# --- the control: the same limit, counted first and locked never ------------------------------------------------


def naive_spin(user_id: UUID) -> str:
    """Count, compare, write, for a limit of one: each step commits by itself, nothing is locked."""
    if rows("SELECT count(*) AS used FROM naive_spin WHERE user_id = %s", [user_id])[0]["used"] >= 1:
        return "refused"
    db_now()  # a spin asks this too between look and leap
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO naive_spin VALUES (%s, %s)", [new_id(), user_id])
    return "spun"


def test_control_a_limit_that_is_counted_without_a_lock_lets_too_many_through() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_spin (id uuid PRIMARY KEY, user_id uuid)")
    try:
        rounds = [Counter(race(*[partial(naive_spin, new_id())] * WINDOWS))["spun"] for _ in range(10)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE naive_spin")

    assert max(rounds) > 1
