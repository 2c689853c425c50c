"""Rounds run once at a time, whoever begins them; a late one is found; a failing one says so and delays no other."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from core import rounds
from core.models import RoundState
from core.rounds import Round
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


def begun(ago: timedelta, **facts: object) -> None:
    RoundState.objects.update(began_at=timezone.now() - ago, **facts)


def periodic(name: str = "count", work: Callable[[], object] = lambda: None) -> Round:
    return Round(name, MINUTE, work)


class Counted:
    """Work that counts how often it ran, and how many ran at once; it waits until `others` have asked as well."""

    def __init__(self, others: int) -> None:
        self.asked, self.ran, self.at_once, self.most = threading.Semaphore(0), 0, 0, 0
        self._others, self._lock = others, threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.ran, self.at_once = self.ran + 1, self.at_once + 1
            self.most = max(self.most, self.at_once)
        for _ in range(self._others):
            assert self.asked.acquire(timeout=20)
        with self._lock:
            self.at_once -= 1
        return 7


def test_of_many_who_begin_a_round_at_once_one_runs_it() -> None:
    work = Counted(others=4)

    def begin() -> int:
        done = rounds.run("count", work)
        work.asked.release()
        return done

    outcomes = race(*[begin] * 5)

    assert Counter(outcomes) == {7: 1, 0: 4}
    assert (work.ran, work.most) == (1, 1)


def test_control_who_looks_whether_a_round_runs_and_claims_it_afterwards_runs_it_twice() -> None:
    RoundState.objects.create(name="count", began_at=timezone.now())
    looked, ran = threading.Barrier(2), []

    def begin() -> None:
        is_free = RoundState.objects.filter(name="count", claimed_until=None).exists()
        looked.wait(20)
        if is_free:
            RoundState.objects.filter(name="count").update(claimed_until=timezone.now() + MINUTE)
            ran.append(1)

    race(begin, begin)

    assert len(ran) == 2


def test_a_round_that_ended_is_begun_again() -> None:
    assert [rounds.run("count", lambda: 3) for _ in range(2)] == [3, 3]
    assert rounds.run("another", lambda: 4) == 4


def test_the_claim_of_a_process_that_died_runs_out() -> None:
    rounds.run("count", lambda: 1)
    RoundState.objects.update(claimed_until=timezone.now() + MINUTE)
    assert rounds.run("count", lambda: 1) == 0

    RoundState.objects.update(claimed_until=timezone.now())

    assert rounds.run("count", lambda: 1) == 1


def test_who_outlives_a_claim_does_not_give_back_the_next_ones() -> None:
    def slow() -> int:
        begun(timedelta(0), claimed_until=timezone.now() + MINUTE)  # another process, after the claim ran out
        return 1

    assert rounds.run("count", slow) == 1

    assert RoundState.objects.get().claimed_until is not None


def test_a_failure_is_raised_and_recorded_until_a_round_ends_well() -> None:
    def fail() -> int:
        raise ArithmeticError

    rounds.run("count", lambda: 1)
    ended = RoundState.objects.get().ended_at
    with pytest.raises(ArithmeticError):
        rounds.run("count", fail)

    state = RoundState.objects.get()
    assert (state.failure, state.ended_at, state.claimed_until) == ("ArithmeticError", ended, None)
    assert [(each.name, each.is_failing) for each in rounds.states()] == [("count", True)]
    rounds.run("count", lambda: 1)
    assert [each.is_failing for each in rounds.states()] == [False]


def test_a_round_is_late_after_two_periods_unless_somebody_runs_it() -> None:
    assert rounds.late([periodic()]) == [periodic()], "never begun"

    rounds.run("count", lambda: 1)
    assert rounds.late([periodic()]) == []
    begun(2 * MINUTE - timedelta(seconds=5))
    assert rounds.late([periodic()]) == []

    begun(2 * MINUTE + timedelta(seconds=1))
    assert rounds.late([periodic()]) == [periodic()]

    begun(3 * MINUTE, claimed_until=timezone.now() + MINUTE)
    assert rounds.late([periodic()]) == []
    begun(3 * MINUTE, claimed_until=timezone.now() - MINUTE)
    assert rounds.late([periodic()]) == [periodic()]


def test_its_age_is_counted_from_its_last_end_without_a_failure() -> None:
    rounds.run("count", lambda: 1)
    RoundState.objects.update(ended_at=timezone.now() - 10 * MINUTE)

    (state,) = rounds.states()

    assert 600 <= state.age_s < 630


def test_late_rounds_are_run_until_it_is_stopped_and_a_failing_one_keeps_no_other_waiting() -> None:
    stopped, done = threading.Event(), []

    def fail() -> int:
        raise ArithmeticError

    def end() -> int:
        done.append(1)
        stopped.set()
        return 1

    asked = [
        periodic("failing", lambda: rounds.run("failing", fail)),
        periodic("sound", lambda: rounds.run("sound", end)),
        periodic("after", lambda: done.append(2)),
    ]
    (outcome,) = race(lambda: rounds.keep(asked, stopped, every_s=0.01))

    assert outcome is None
    assert done == [1], "nothing is begun once it is stopped"
    assert {each.name: each.is_failing for each in rounds.states()} == {"failing": True, "sound": False}


def test_no_session_state_and_no_lock_lasts_for_a_round() -> None:
    def look() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert not connection.in_atomic_block
            return int(cursor.fetchone()[0])

    assert rounds.run("count", look) == 0
