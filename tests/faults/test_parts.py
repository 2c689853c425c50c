"""Each part of the stack is killed under load: it comes back, the others go on, no acknowledged command is lost."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.faults.load import Answered, Load
from tests.flows.person import Person
from tests.stack.processes import until
from xxxchat.stack import Stack, children

pytestmark = pytest.mark.stack
PEOPLE = ["alice", "bob", "carol"]
BACK_WITHIN_S, DATABASE_BACK_WITHIN_S = 5.0, 10.0
COMMAND_LINES = {
    "proxy": "/caddy run ",
    "web": " -m granian --interface wsgi ",
    "commands": " xxxchat.commands.asgi:application",
    "events": " xxxchat.asgi:application",
    "worker": " -m celery --app xxxchat --quiet worker ",
    "beat": " -m celery --app xxxchat --quiet beat ",
    "sweeper": " manage.py queue_sweeper",
    "broker": "/valkey-server ",
    "postgres": "/bin/postgres -D ",
}
BY_BROKER = ("broker", "worker", "beat")
MAY_END = {"broker": {"worker"}}
"""Celery's worker survives most losses of its broker; otherwise it ends, and the supervisor starts it."""
ROUNDS = 3  # more than may be waiting in the broker
HEARTBEAT = "SELECT at FROM core_heartbeat WHERE name = %s"


class Witness:
    """Asks the running stack, from outside, whether a part does its work."""

    def __init__(self, stack: Stack, load: Load, performer: str) -> None:
        self._stack = stack
        self._load = load
        self._room = f"{stack.url}/live/performer/{performer}"

    def of(self, part: str) -> Callable[[], None]:
        """Return what shows that a part does its work."""
        background = {"events": self.streams, "sweeper": self.sweeps} | dict.fromkeys(BY_BROKER, self.beats)
        return background.get(part, self.sells)

    def sells(self) -> None:
        """A spin that began after now is answered."""
        spins = len(self._load.results.spins) + len(PEOPLE)
        self._load.until(lambda results: len(results.spins) > spins)

    def streams(self) -> None:
        """A new stream hears of a purchase."""
        until(self._hears, within_s=30)

    def beats(self) -> None:
        """A worker carries out what beat sends now through the broker."""
        self._round_of("beat")

    def sweeps(self) -> None:
        """The sweeper ends a round."""
        self._round_of("sweeper")

    def _round_of(self, name: str) -> None:
        for _ in range(ROUNDS):
            until(partial(self._has_moved, name, self._heartbeat(name)), within_s=30)

    def _hears(self) -> bool:
        try:
            with httpx.stream("GET", self._room, timeout=5) as room:
                return room.status_code == 200 and any(line.startswith("event: queue.") for line in room.iter_lines())
        except httpx.HTTPError:
            return False

    def _has_moved(self, name: str, before: object) -> bool:
        return self._heartbeat(name) != before

    def _heartbeat(self, name: str) -> object:
        with closing(psycopg.connect(self._stack.database_url, autocommit=True)) as database:
            row = database.execute(HEARTBEAT, [name]).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The whole product on servers of its own, without limits on spins; with timers longer than the test."""
    environment = {
        "SLOTS_MIN_INTERVAL_MS": "0", "SLOTS_SPINS_PER_HOUR": "0", "LIMIT_CAPS_POINT": "0,0,0",
        "SWEEP_EVERY_S": "0.25", "DEMO_PASSWORD": "demo-only-password",
    }  # fmt: skip
    with Stack(env=environment, web_processes=2) as running:
        yield running


@pytest.fixture
def performer(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ruby, her queue open, and the item that is sold."""
    with closing(Person(stack.url, "ruby")) as ruby:
        me = str(ruby.get("/me")["id"])
        ruby.do(f"/performer/{me}/queue/open")
        yield me, ruby.get(f"/performer/{me}/menus")["menus"][0]["items"][0]


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def replayed(stack: Stack, answered: list[Answered]) -> list[bytes]:
    """Send every acknowledged command again, with its key."""
    with ExitStack() as opened, ThreadPoolExecutor(len(PEOPLE)) as pool:
        people = {name: opened.enter_context(closing(Person(stack.url, name))) for name in PEOPLE}
        again = pool.map(lambda each: people[each.person].command(each.path, each.body, key=each.key), answered)
        return [answer.content for answer in again]


def killed(stack: Stack, name: str) -> float:
    """Kill a part; return how many seconds later it is there again, with every other part as it was."""
    before = stack.processes
    os.kill(before[name], signal.SIGKILL)
    took_s = until(lambda: stack.processes.get(name, before[name]) != before[name], within_s=30)
    after = stack.processes
    untouched = set(before) - {name} - MAY_END.get(name, set())
    assert {other: after[other] for other in untouched} == {other: before[other] for other in untouched}
    return took_s


def test_each_part_killed_under_load_comes_back_alone_and_nothing_acknowledged_is_lost(
    stack: Stack, performer: tuple[str, dict[str, Any]]
) -> None:
    ruby, item = performer
    for name, words in COMMAND_LINES.items():
        assert words in command_line(stack.processes[name])

    took_s = {}
    with Load(stack.url, PEOPLE, item["id"], item["price"]) as load:
        witness = Witness(stack, load, ruby)
        witness.sells()
        for name in COMMAND_LINES:
            took_s[name] = killed(stack, name) + timed(witness.of(name))
        took_s |= {"a web worker": timed(lambda: a_web_worker_killed(stack))}
        took_s |= {"a backend": timed(lambda: a_backend_killed(stack, witness))}

    print({name: round(seconds, 1) for name, seconds in took_s.items()})
    late = {"postgres": DATABASE_BACK_WITHIN_S, "a backend": DATABASE_BACK_WITHIN_S}
    assert {name: s for name, s in took_s.items() if s > late.get(name, BACK_WITHIN_S)} == {}
    restarts = {part.name: part.restarts for part in stack.parts if part.pid}
    assert restarts == dict.fromkeys(COMMAND_LINES, 1) | {"worker": restarts["worker"]}
    answered = load.results.answered
    assert replayed(stack, answered) == [each.answer for each in answered]
    assert load.results.troubles, "nobody noticed anything"
    verified = json.loads(stack.manage("verify_ledger", "--json").stdout)
    assert verified["ok"], verified


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def a_web_worker_killed(stack: Stack) -> None:
    """One of the processes that answer requests is killed: web starts another one itself."""
    web = stack.processes["web"]
    workers = set(children.descendants(web))
    assert len(workers) == 2
    os.kill(min(workers), signal.SIGKILL)
    until(lambda: len(set(children.descendants(web)) - {min(workers)}) == 2, within_s=30)
    assert httpx.get(f"{stack.url}/livez").status_code == 200
    assert stack.processes["web"] == web


def a_backend_killed(stack: Stack, witness: Witness) -> None:
    """One process of PostgreSQL's is killed: the server ends the others and recovers by itself."""
    with closing(psycopg.connect(stack.database_url, autocommit=True)) as database:
        pid = database.execute("SELECT pg_backend_pid()").fetchone()
        assert pid is not None
        os.kill(pid[0], signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            database.execute("SELECT 1")
    witness.sells()
