"""Who makes spins is killed at the worst moments, and stopped in good order: a retry has the first answer."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.tokens import issue
from core.models import IdempotencyKey
from escrow.models import Entry, Hold, Operation, Wallet
from live.models import EventRow
from perfqueue.models import QueueItem, Transition
from slots.models import SlotState, Spin, SpinIntent
from slots.tests.machines import member_of
from slots.tests.remote import linked
from tests.equality.servers import Got, Sent, ask, serving, signed
from tests.faults.processes import kill_all
from tests.stack.processes import until
from tests.standin_inside import StandInInside
from tests.world import person
from xxxchat.stack import ports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
STATES = "SELECT state, wait_event_type FROM pg_stat_activity WHERE application_name = 'commands'"
WAITING = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND query ILIKE '%core_idempotencykey%' AND cardinality(pg_blocking_pids(pid)) > 0
"""
HAS_WRITTEN = """
SELECT relation::regclass::text FROM pg_locks
 WHERE pid = %s AND mode = 'RowExclusiveLock' AND relation IN ('slots_spin'::regclass, 'escrow_entry'::regclass)
 ORDER BY 1
"""
STILL_THERE = "SELECT pid FROM pg_stat_activity WHERE pid = %s"
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


def waiting(watcher: psycopg.Connection[Any]) -> list[tuple[int]]:
    """The sessions that wait for the lock on the keys."""
    return watcher.execute(WAITING.encode()).fetchall()


def moved() -> dict[str, Any]:
    """All that a spin moves, of the one player there is."""
    counted = (Spin, QueueItem, Transition, Hold, Operation, Entry, EventRow, IdempotencyKey)
    states = list(SlotState.objects.values())
    wallets = list(Wallet.objects.order_by("pk").values())
    return {"states": states, "wallets": wallets} | {model.__name__: model.objects.count() for model in counted}


def assert_spun(retried: Got, before: dict[str, Any]) -> None:
    """The retry made the one spin that was promised before: its seed is the one committed to, its nonce the next."""
    (state,) = before["states"]
    assert (retried.status, ("idempotent-replayed", "true") in retried.headers) == (200, False)
    spin = Spin.objects.get(nonce=state["nonce"])
    assert Spin.objects.count() == before["Spin"] + 1
    assert sha256(bytes(spin.seed)).digest() == bytes(state["commitment"])


def killed(process: subprocess.Popen[bytes], answer: "Future[Got]") -> None:
    """Kill the process; the client has no answer."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises((OSError, IndexError, ValueError)):
        answer.result(timeout=10)


def test_killed_between_the_round_trips_it_has_done_nothing(port: int, request_of_a_spin: Sent) -> None:
    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0") as process:
        first_spin(port, request_of_a_spin)
        before = moved()
        with stalled(process, port, request_of_a_spin, mode="ACCESS EXCLUSIVE") as answer:
            with another_session() as watcher:
                assert [each[0] for each in state(watcher)] == ["idle in transaction"]
            killed(process, answer)

    assert moved() == before
    with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0"):
        retried = ask(port, request_of_a_spin)
    assert_spun(retried, before)


def test_web_killed_when_a_spin_is_written_and_not_committed_leaves_nothing_of_it(
    port: int, request_of_a_spin: Sent
) -> None:
    """The key is a spin's last row: the spin waits for the lock on the keys with everything else written."""
    with serving("web", port, SLOTS_MIN_INTERVAL_MS="0") as process, ThreadPoolExecutor(1) as pool:
        first_spin(port, request_of_a_spin)
        before = moved()
        with another_session() as watcher:
            with keys_locked("SHARE"):
                answer = pool.submit(ask, port, request_of_a_spin)
                until(lambda: waiting(watcher), within_s=10)
                (session,) = waiting(watcher)
                assert watcher.execute(HAS_WRITTEN, session).fetchall() == [("escrow_entry",), ("slots_spin",)]
                kill_all(process.pid)
                with pytest.raises((OSError, IndexError, ValueError)):
                    answer.result(timeout=10)
            until(lambda: not watcher.execute(STILL_THERE, session).fetchall(), within_s=10)

    assert moved() == before
    with serving("web", port, SLOTS_MIN_INTERVAL_MS="0"):
        retried = ask(port, request_of_a_spin)
    assert_spun(retried, before)


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


def test_stopped_in_good_order_it_answers_spins_that_wait_for_redroomrewards(port: int, tmp_path: Path) -> None:
    """And takes in no more; the deduct takes longer than anything of our own."""
    user = linked()
    spin = Sent(body=b'{"betAmount": 100}', headers=signed(issue(user).access))
    with StandInInside(tmp_path / "points.db") as standin:
        standin.steering.put_members([member_of(user, 1_000)])
        standin.steering.fault("latency", ms=1_600, path="/loyalty/deduct")
        with serving("commands", port, SLOTS_MIN_INTERVAL_MS="0", **standin.settings) as process:
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(ask, port, spin)
                until(SpinIntent.objects.exists, within_s=10)
                process.send_signal(signal.SIGTERM)
                until(lambda: not listens(port), within_s=1)
                assert not answer.done()
                got = answer.result(timeout=10)
            until(lambda: process.poll() is not None, within_s=STOPS_WITHIN_S)

    assert got.status == 200, got
    assert Spin.objects.get().user_id == user.pk
    assert (SpinIntent.objects.get().state, process.returncode) == ("done", -signal.SIGTERM)


def listens(port: int) -> bool:
    return not ports.is_free(port)
