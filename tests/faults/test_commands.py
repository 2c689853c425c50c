"""The commands process killed at the worst moments, and stopped in good order: a retry has the first answer."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.tokens import issue
from core.models import IdempotencyKey
from slots.models import Spin
from tests.equality.servers import Got, Sent, ask, serving, signed
from tests.stack.processes import until
from tests.world import person
from xxxchat.stack import ports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
STATES = "SELECT state, wait_event_type FROM pg_stat_activity WHERE application_name = 'commands'"
STOPS_WITHIN_S = 3.0


@pytest.fixture
def request_of_a_spin() -> Sent:
    """Of somebody who has spun: a first spin is the ordinary endpoint's."""
    user = person(points=1_000)
    return Sent(body=b'{"betAmount": 100}', headers=signed(issue(user).access))


@pytest.fixture
def port() -> int:
    (free,) = ports.free_ports(1)
    return free


@contextmanager
def another_session() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
        yield own


@contextmanager
def keys_locked(mode: str) -> Iterator[None]:
    """The table of keys is locked until the end of the block."""
    with another_session() as holder, holder.transaction():
        holder.execute(f"LOCK TABLE core_idempotencykey IN {mode} MODE".encode())
        yield


def state(watcher: psycopg.Connection[Any]) -> list[tuple[str, str | None]]:
    """What the batches' connections do and wait for."""
    return watcher.execute(STATES).fetchall()


def first_spin(port: int, request: Sent) -> None:
    """Make the player's slot state."""
    headers = {**request.headers, "Idempotency-Key": "the-first-spin"}
    assert ask(port, Sent(body=request.body, headers=headers)).status == 200


@contextmanager
def stalled(process: subprocess.Popen[bytes], port: int, request: Sent, *, mode: str) -> Iterator["Future[Got]"]:
    """The process stands still, and its statement that had to wait for the lock on the keys has been done."""
    with ThreadPoolExecutor(1) as pool, another_session() as watcher:
        with keys_locked(mode):
            answer = pool.submit(ask, port, request)
            until(lambda: ("active", "Lock") in state(watcher), within_s=10)
            os.kill(process.pid, signal.SIGSTOP)
        until(lambda: all(each[0] != "active" for each in state(watcher)), within_s=10)
        yield answer


def killed(process: subprocess.Popen[bytes], answer: "Future[Got]") -> None:
    """Kill the process; the client has no answer."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises((OSError, IndexError, ValueError)):
        answer.result(timeout=10)


def test_killed_between_the_round_trips_it_has_done_nothing(port: int, request_of_a_spin: Sent) -> None:
    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0") as process:
        first_spin(port, request_of_a_spin)
        with stalled(process, port, request_of_a_spin, mode="ACCESS EXCLUSIVE") as answer:
            with another_session() as watcher:
                assert [each[0] for each in state(watcher)] == ["idle in transaction"]
            killed(process, answer)

    assert Spin.objects.count() == 1
    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0"):
        retried = ask(port, request_of_a_spin)
    assert (retried.status, ("idempotent-replayed", "true") in retried.headers) == (200, False)
    assert Spin.objects.count() == 2


def test_killed_between_the_commit_and_the_answer_a_retry_has_the_first_answer(
    port: int, request_of_a_spin: Sent
) -> None:
    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0") as process:
        first_spin(port, request_of_a_spin)
        with stalled(process, port, request_of_a_spin, mode="SHARE") as answer:
            kept = IdempotencyKey.objects.get(key=request_of_a_spin.headers["Idempotency-Key"])
            killed(process, answer)

    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0"):
        retried = ask(port, request_of_a_spin)
    assert ("idempotent-replayed", "true") in retried.headers
    assert (retried.status, retried.body) == (200, bytes(kept.body or b""))
    assert Spin.objects.count() == 2


def test_stopped_in_good_order_it_answers_what_it_has_taken_in(port: int, request_of_a_spin: Sent) -> None:
    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0") as process:
        first_spin(port, request_of_a_spin)
        with ThreadPoolExecutor(1) as pool, another_session() as watcher:
            with keys_locked("SHARE"):
                answer = pool.submit(ask, port, request_of_a_spin)
                until(lambda: ("active", "Lock") in state(watcher), within_s=10)
                process.send_signal(signal.SIGTERM)
                until(lambda: not listens(port), within_s=STOPS_WITHIN_S)
            assert answer.result(timeout=10).status == 200
        took_s = until(lambda: process.poll() is not None, within_s=STOPS_WITHIN_S)

    assert took_s < STOPS_WITHIN_S


def listens(port: int) -> bool:
    return not ports.is_free(port)
