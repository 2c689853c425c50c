"""Without a broker queue and money work with PostgreSQL alone; tasks run again once it is back."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import httpx
import psycopg
import pytest

from tests.flows.person import Person
from tests.stack.processes import until
from xxxchat.stack import EmbeddedBroker, Stack
from xxxchat.stack.folder import LOCAL, Folder

pytestmark = pytest.mark.stack
BACK_WITHIN_S = 90.0  # the worker asks for its broker again and again, at growing intervals


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    folder = Folder(LOCAL / f"faults-{secrets.token_hex(4)}")
    folder.root.mkdir(parents=True)
    own = EmbeddedBroker(folder.broker, password=secrets.token_hex(8), log=folder.broker_log)
    try:
        own.start()
        yield own
    finally:
        own.stop()
        folder.delete()


@pytest.fixture
def stack(broker: EmbeddedBroker) -> Iterator[Stack]:
    environment = {"REDIS_URL": broker.url, "DEMO_PASSWORD": "demo-only-password", "SWEEP_EVERY_S": "0.5"}
    with Stack(env=environment, web_processes=1) as running:
        yield running


@contextmanager
def listening(url: str, performer_id: str) -> Iterator[list[str]]:
    """A guest in the room; what is heard, by key, as it comes."""
    heard: list[str] = []
    with httpx.Client(timeout=60) as client, client.stream("GET", f"{url}/live/performer/{performer_id}") as room:
        assert room.status_code == 200

        def listen() -> None:
            with suppress(httpx.HTTPError):  # the stream is cut when the block ends
                for line in room.iter_lines():
                    if line.startswith("event: "):
                        heard.append(line.removeprefix("event: "))

        threading.Thread(target=listen, daemon=True).start()
        yield heard


def heartbeat(database: psycopg.Connection[Any], name: str) -> object:
    row = database.execute("SELECT at FROM core_heartbeat WHERE name = %s", [name]).fetchone()
    return row[0] if row else None


def state_of(database: psycopg.Connection[Any], item_id: str) -> str:
    row = database.execute("SELECT state FROM perfqueue_queueitem WHERE id = %s", [item_id]).fetchone()
    assert row is not None
    return str(row[0])


def broker_is(url: str, status: str) -> bool:
    answer = httpx.get(f"{url}/readyz", timeout=20)
    assert answer.status_code == 200
    return bool(answer.json()["parts"]["broker"]["status"] == status)


def test_the_queue_works_without_a_broker_and_the_tasks_run_again_with_it(broker: EmbeddedBroker, stack: Stack) -> None:
    with ExitStack() as opened:
        ruby, alice = (opened.enter_context(closing(Person(stack.url, name))) for name in ("ruby", "alice"))
        database = opened.enter_context(closing(psycopg.connect(stack.database_url, autocommit=True)))
        me = ruby.get("/me")["id"]
        ruby.do(f"/performer/{me}/queue/open")
        song = ruby.get(f"/performer/{me}/menus")["menus"][0]["items"][0]
        heard = opened.enter_context(listening(stack.url, me))
        until(lambda: heartbeat(database, "beat"), within_s=40)

        def buy() -> str:
            bought = alice.do(f"/menus/items/{song['id']}/purchase", {"expectedPrice": song["price"]}, status=201)
            return str(bought["queueItem"]["id"])

        broker.stop()
        until(lambda: broker_is(stack.url, "degraded"), within_s=10)
        beat, sweeper = heartbeat(database, "beat"), heartbeat(database, "sweeper")
        played, passed = buy(), buy()
        ruby.do(f"/queue/items/{played}/start")
        ruby.do(f"/queue/items/{played}/finish")
        database.execute("UPDATE perfqueue_queueitem SET rope_drop_at = core_now() WHERE id = %s", [passed])
        until(lambda: state_of(database, passed) == "refunded", within_s=10)

        assert state_of(database, played) == "finished"
        assert heartbeat(database, "beat") == beat
        until(lambda: heartbeat(database, "sweeper") != sweeper, within_s=10)
        until(lambda: heard.count("queue.item.created") == 2, within_s=20)
        until(lambda: {"queue.item.finished", "queue.item.refunded"} <= set(heard), within_s=20)

        broker.start()
        until(lambda: heartbeat(database, "beat") != beat, within_s=BACK_WITHIN_S)
        assert broker_is(stack.url, "ok")
        assert stack.manage("verify_ledger", "--json", check=False).returncode == 0
