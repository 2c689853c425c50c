"""Connections cut during a call, a server stopped under load: nothing is lost, nothing is done twice."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest

from tests.faults.load import Load, Results
from tests.flows.person import Person
from xxxchat.stack import EmbeddedPostgres, Stack
from xxxchat.stack.folder import LOCAL, Folder

pytestmark = pytest.mark.stack
PEOPLE = ["alice", "bob", "carol"]
CUTS = 40
BACK_WITHIN_S = 10.0
UNAVAILABLE = '503 {"error":{"code":"LEDGER_UNAVAILABLE"'
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
   AND state <> 'idle' ORDER BY random() LIMIT 1
"""
COUNTS = {
    "spins": "SELECT count(*) FROM slots_spin",
    "spin events": "SELECT count(*) FROM live_event WHERE key LIKE 'slots.%%'",
    "items": "SELECT count(*) FROM perfqueue_queueitem WHERE fulfilment = 'performed'",
    "refunded": "SELECT count(*) FROM perfqueue_queueitem WHERE fulfilment = 'performed' AND state = 'refunded'",
    "created events": "SELECT count(*) FROM live_event WHERE key = 'queue.item.created'",
    "refunded events": "SELECT count(*) FROM live_event WHERE key = 'queue.item.refunded'",
    "open holds": "SELECT count(*) FROM escrow_hold WHERE status = 'HELD'",
    "spin keys": "SELECT count(*) FROM core_idempotencykey WHERE operation LIKE '%%spin%%' AND status IS NOT NULL",
}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    folder = Folder(LOCAL / f"faults-{secrets.token_hex(4)}")
    folder.root.mkdir(parents=True)
    own = EmbeddedPostgres(folder.database, password=secrets.token_hex(8), log=folder.postgres_log)
    try:
        own.start()
        yield own
    finally:
        own.stop()
        folder.delete()


@pytest.fixture(scope="module")
def stack(server: EmbeddedPostgres) -> Iterator[Stack]:
    """The whole product on that server, without limits on spins; with timers longer than the test."""
    environment = {
        "DATABASE_URL": server.url, "DEMO_PASSWORD": "demo-only-password",
        "SLOTS_MIN_INTERVAL_MS": "0", "SLOTS_SPINS_PER_HOUR": "0", "LIMIT_CAPS_POINT": "0,0,0",
    }  # fmt: skip
    with Stack(env=environment, web_processes=2) as running:
        yield running


@pytest.fixture
def load(stack: Stack) -> Iterator[Load]:
    """Ruby's queue is open and her first item is bought, left and bought again, with spins in between."""
    with ExitStack() as opened:
        ruby = opened.enter_context(closing(Person(stack.url, "ruby")))
        me = ruby.get("/me")["id"]
        ruby.do(f"/performer/{me}/queue/open")
        item = ruby.get(f"/performer/{me}/menus")["menus"][0]["items"][0]
        yield Load(stack.url, PEOPLE, item["id"], item["price"])


def counts(server: EmbeddedPostgres) -> dict[str, int]:
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        return {name: _one(connection, sql) for name, sql in COUNTS.items()}


def _one(connection: psycopg.Connection[Any], sql: str) -> int:
    row = connection.execute(sql.replace("%%", "%").encode()).fetchone()
    assert row is not None
    return int(row[0])


def assert_reported_is_done(results: Results, before: dict[str, int], server: EmbeddedPostgres, stack: Stack) -> None:
    """What was answered happened once, its events are there once, the books add up, and nothing else happened."""
    new = {name: number - before[name] for name, number in counts(server).items()}
    spins, requests = len(results.spins), len(results.requests)
    assert (len(set(results.spins)), len(set(results.requests))) == (spins, requests)
    assert new == {
        "spins": spins, "spin events": spins, "spin keys": spins,
        "items": requests, "refunded": requests, "created events": spins + requests, "refunded events": requests,
        "open holds": 0,
    }  # fmt: skip
    verified = json.loads(stack.manage("verify_ledger", "--json").stdout)
    assert verified["ok"], verified


def test_connections_cut_in_mid_call_lose_and_double_nothing(
    server: EmbeddedPostgres, stack: Stack, load: Load
) -> None:
    before, cut = counts(server), 0

    with load, closing(psycopg.connect(server.url, autocommit=True)) as knife:
        load.until(lambda results: len(results.spins) > 3)
        while cut < CUTS:
            cut += len(knife.execute(CUT).fetchall())
            threading.Event().wait(0.1)  # some commands succeed in between: the circuit stays closed
        after = len(load.results.spins)
        load.until(lambda results: len(results.spins) > after + 3)

    assert load.results.troubles, "nobody noticed any cut"
    assert_reported_is_done(load.results, before, server, stack)


@pytest.mark.parametrize("within_s", [5.0, 0.0], ids=["fast shutdown", "at once, with recovery"])
def test_the_database_restarts_under_load_and_nothing_is_lost_or_doubled(
    server: EmbeddedPostgres, stack: Stack, load: Load, within_s: float
) -> None:
    before = counts(server)

    with load:
        load.until(lambda results: len(results.spins) > 3)
        server.stop(within_s=within_s)
        seen = len(load.results.troubles)
        load.until(lambda results: len(results.troubles) > seen + 2)
        server.start()
        after = len(load.results.spins)
        load.until(lambda results: len(results.spins) > after + 3, within_s=BACK_WITHIN_S)

    assert [each for each in load.results.troubles if not each.startswith(UNAVAILABLE)] == []
    assert_reported_is_done(load.results, before, server, stack)
