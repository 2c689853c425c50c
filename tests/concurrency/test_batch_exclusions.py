"""A spin of a batch and a self-exclusion: one of them is first, whole. Never half of either."""

from collections import Counter
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from compliance.errors import SelfExcluded, TimedOut
from compliance.models import Break, Refusal
from compliance.services import exclude_self, take_time_out
from core.batches import KeyedRequest, Later, run_alone
from core.db import command
from core.idempotency import Answer
from core.models import IdempotencyKey
from slots import services
from slots.batched import SPIN
from slots.models import Spin
from slots.tests.factories import asked, player, points_of, state_of, together
from tests.concurrency.naive import Twin
from tests.interleaving import Concurrent
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = 6


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS, settings.SLOTS_SPINS_PER_HOUR = 0, 0
    settings.LIMIT_CAPS_POINT = (0, 0, 0)


def spinner() -> User:
    """A player with a slot state, so that a batch takes the first spin."""
    user = player()
    services.fairness(user=user)
    return user


def exclude(user: User) -> Any:
    return command(partial(exclude_self, user=user, duration="6m"))


def facts_of(user: User) -> tuple[Any, ...]:
    """All that a spin moves."""
    state = state_of(user)
    spins = Spin.objects.filter(user_id=user.pk).count()
    return state.nonce, bytes(state.commitment), bytes(state.chain), state.staked_total, points_of(user), spins


def alone(request: KeyedRequest[services.SpinInput]) -> Any:
    try:
        return run_alone(SPIN, request)
    except (SelfExcluded, TimedOut) as refusal:
        return refusal


def test_a_batch_leaves_out_who_is_being_excluded_and_refuses_them_afterwards() -> None:
    leaving, other = spinner(), spinner()
    before, request = facts_of(leaving), asked(leaving)

    with transaction.atomic():
        exclude_self(user=leaving, duration="6m")
        outcomes = Concurrent(lambda: together(request, asked(other))).result()
        waiting = Concurrent(lambda: alone(request))
        waiting.assert_blocked()

    assert [type(each) for each in outcomes] == [Later, Answer]
    assert isinstance(waiting.result(), SelfExcluded)
    assert [type(each) for each in together(request)] == [SelfExcluded]
    assert facts_of(leaving) == before
    assert Refusal.objects.filter(user=leaving, gate="excluded").count() >= 1


def test_an_exclusion_waits_for_all_of_a_batch_that_has_decided() -> None:
    """The batch has loaded and decided, and waits to write its answer: somebody else holds its key."""
    leaving, other = spinner(), spinner()
    request = asked(leaving)

    with transaction.atomic():
        IdempotencyKey.objects.create(
            caller=leaving.pk, operation=SPIN.operation, key=request.key, fingerprint=request.fingerprint
        )
        batch = Concurrent(lambda: together(request, asked(other)))
        batch.assert_blocked()
        exclusion = Concurrent(lambda: exclude(leaving))
        exclusion.assert_blocked()
        assert not Break.objects.exists()
        transaction.set_rollback(True)

    assert [type(each) for each in batch.result()] == [Answer, Answer]
    exclusion.result()
    spin, began = Spin.objects.get(user_id=leaving.pk), Break.objects.get(user=leaving).from_at
    assert spin.at < began
    assert (state_of(leaving).nonce, points_of(leaving)) == (1, 100_000 - 100 + spin.payout)
    assert [type(each) for each in together(asked(leaving))] == [SelfExcluded]
    assert services.verify() == []


@pytest.mark.parametrize("begin", [exclude_self, take_time_out], ids=["exclusion", "time-out"])
def test_exclusions_during_batches_come_before_or_after_each_spin(begin: Any) -> None:
    users = [spinner() for _ in range(6)]
    span = "6m" if begin is exclude_self else "24h"

    def batches(order: list[User]) -> list[Any]:
        done = []
        for _ in range(TIMES):
            requests = [asked(user) for user in order]
            for request, outcome in zip(requests, together(*requests), strict=True):
                done.append((request.caller_id, alone(request) if isinstance(outcome, Later) else outcome))
        return done

    def leave() -> int:
        for user in users:
            command(partial(begin, user=user, duration=span))
        return len(users)

    first, left, second = race(partial(batches, users), leave, partial(batches, users[::-1]))

    assert left == len(users)
    made = Counter(caller for caller, outcome in (*first, *second) if isinstance(outcome, Answer))
    assert {type(outcome) for _, outcome in (*first, *second)} <= {Answer, SelfExcluded, TimedOut}
    for user in users:
        began, spins = Break.objects.get(user=user).from_at, Spin.objects.filter(user_id=user.pk)
        state = state_of(user)
        assert spins.count() == spins.filter(at__lt=began).count() == made[user.pk] == state.nonce
        assert points_of(user) == 100_000 - state.staked_total + state.paid_total
    before = [facts_of(user) for user in users]
    outcomes = together(*(asked(user) for user in users))
    assert {type(each) for each in outcomes} <= {SelfExcluded, TimedOut}
    assert [facts_of(user) for user in users] == before
    assert services.verify() == []


def test_control_a_spin_that_looks_without_a_lock_is_made_after_the_exclusion(twin: Any) -> None:
    """Both have looked; the exclusion is written, and the spin that saw none goes on."""
    account: Twin = twin(attempts=2, excluded=0, spins=0, spins_while_excluded=0)
    excluded = Event()

    def spin() -> bool:
        then = "spins = spins + 1, spins_while_excluded = spins_while_excluded + excluded"
        return account.attempt(lambda seen: excluded.wait(30) and not seen["excluded"], then)

    def leave() -> bool:
        written = account.attempt(lambda seen: True, "excluded = 1")
        excluded.set()
        return written

    assert race(spin, leave) == [True, True]
    assert account.facts() == {"excluded": 1, "spins": 1, "spins_while_excluded": 1}
