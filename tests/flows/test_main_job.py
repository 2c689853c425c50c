"""The main job over real HTTP: spin, buy, queue, perform, settle, and a refund by a real worker on the real broker."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from slots.draw import draw, parse
from tests.contracts import python_client
from tests.flows.person import Person
from xxxchat.stack import Stack
from xxxchat.stack.folder import PROJECT

pytestmark = pytest.mark.stack

ROPE_DROP_S = 3
START = 100_000
SPINS = 50
BANK_OF = """
SELECT sum(e.d_available) FROM escrow_entry e
  JOIN escrow_operation o ON o.id = e.operation_id
  JOIN escrow_hold h ON h.id = o.hold_id
 WHERE e.house = 'slots_bank' AND h.payer_id = %s
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    environment = {
        "SLOTS_MIN_INTERVAL_MS": "0",
        "QUEUE_ROPE_DROP_S": str(ROPE_DROP_S),
        "SWEEP_EVERY_S": "0.5",
        "DEMO_PASSWORD": "demo-only-password",
    }
    with Stack(env=environment, web_processes=2) as running:
        yield running


@pytest.fixture
def enter(stack: Stack) -> Iterator[Callable[[str], Person]]:
    """Sign people in; hang up at the end."""
    with ExitStack() as opened:
        yield lambda name: opened.enter_context(closing(Person(stack.url, name)))


def rows(stack: Stack, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(stack.database_url, autocommit=True)) as connection:
        return connection.execute(sql.encode(), params).fetchall()


def until(condition: Callable[[], bool], *, within_s: float) -> None:
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.1)


@contextmanager
def standing_still(stack: Stack, process: str) -> Iterator[None]:
    """Freeze one process of the stack, so that what happens is another's work."""
    pid = stack.processes[process]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def spin_fifty_times(alice: Person) -> list[dict[str, Any]]:
    config = alice.get("/slot-machine/config")
    sealed = alice.get("/slot-machine/fairness")["commitment"]
    spins = []
    for number in range(SPINS):
        spin = alice.do(
            "/slot-machine/spin",
            {"betAmount": config["betAmount"], "commitment": sealed, "clientNonce": f"{number:032x}"},
        )
        assert spin["fairness"]["commitment"] == sealed
        sealed = spin["fairness"]["nextCommitment"]
        spins.append(spin)
    return spins


def assert_each_is_drawn_as_shown(spins: list[dict[str, Any]]) -> None:

    table = parse(json.loads(Path("slots/paytables/classic-95.json").read_text())["table"])
    for spin in spins:
        proof = spin["fairness"]
        drawn = draw(
            table,
            seed=bytes.fromhex(proof["seed"]),
            nonce=spin["nonce"],
            client_seed=proof["clientSeed"],
            client_nonce=bytes.fromhex(proof["clientNonce"]),
        )
        assert (list(drawn.symbols), drawn.payout) == (spin["result"]["symbols"], spin["result"]["payout"])


def test_the_main_job(stack: Stack, enter: Callable[[str], Person]) -> None:
    alice, ruby = enter("alice"), enter("ruby")
    ruby_id = ruby.get("/me")["id"]
    (menu,) = alice.get(f"/performer/{ruby_id}/menus")["menus"]
    first, second = menu["items"][:2]
    before = alice.wallet("TOKEN")["available"]  # other tests of this stack spend some too, and she earns it
    earned_before = ruby.wallet("TOKEN")["earned"]

    spins = spin_fifty_times(alice)
    with standing_still(stack, "sweeper"):
        one = alice.do(f"/menus/items/{first['id']}/purchase", {"expectedPrice": first["price"]}, status=201)
        ruby.do(f"/queue/items/{one['queueItem']['id']}/start")
        two = alice.do(f"/menus/items/{second['id']}/purchase", {"expectedPrice": second["price"]}, status=201)
        assert alice.wallet("TOKEN")["held"] == first["price"] + second["price"]
        ruby.do(f"/queue/items/{one['queueItem']['id']}/finish")
        two_id = two["queueItem"]["id"]
        # The API is not called meanwhile and the sweeper is stopped: the worker refunds, started by beat.
        until(lambda: state_of(stack, two_id) == "refunded", within_s=ROPE_DROP_S + 15)

    assert [spin["nonce"] for spin in spins] == list(range(SPINS))
    assert_each_is_drawn_as_shown(spins)
    paid = sum(spin["result"]["payout"] for spin in spins)
    points, tokens = alice.wallet("POINT"), alice.wallet("TOKEN")
    assert (points["available"], points["held"]) == (START - SPINS * 100 + paid, 0)
    assert points["available"] == spins[-1]["newBalance"]
    assert (tokens["available"], tokens["held"]) == (before - first["price"], 0)
    assert ruby.wallet("TOKEN")["earned"] == earned_before + first["price"]
    assert rows(stack, BANK_OF, alice.get("/me")["id"]) == [(SPINS * 100 - paid,)]
    assert trail_of(alice, one["queueItem"]["id"]) == [("hold", first["price"]), ("settle", first["price"])]
    assert trail_of(alice, two_id) == [("hold", second["price"]), ("refund", second["price"])]
    assert alice.get(f"/queue/items/{two_id}")["reason"] == "ROPE_DROP_EXPIRED"
    assert path_of(stack, two_id) == ["created", "abandoned", "refunded"]
    results = json.loads(stack.manage("verify_ledger", "--json").stdout)
    assert results["ok"] is True, results


def state_of(stack: Stack, item_id: str) -> str:
    ((state,),) = rows(stack, "SELECT state FROM perfqueue_queueitem WHERE id = %s", item_id)
    return str(state)


def path_of(stack: Stack, item_id: str) -> list[str]:
    found = rows(stack, "SELECT to_state, actor FROM perfqueue_transition WHERE item_id = %s ORDER BY id", item_id)
    assert [actor for _, actor in found[1:]] == [None, None]  # the system, nobody else
    return [state for state, _ in found]


def trail_of(person: Person, item_id: str) -> list[tuple[str, int]]:
    return [(step["operation"], step["amount"]) for step in person.get(f"/queue/items/{item_id}")["trail"]]


def test_one_key_over_http_has_one_effect(enter: Callable[[str], Person]) -> None:
    bob = enter("bob")
    before = bob.get("/slot-machine/history")["total"]  # other tests of this stack spin too
    answers: list[Any] = [None] * 12

    def press(place: int) -> None:
        answers[place] = bob.command("/slot-machine/spin", {"betAmount": 100}, key="one-press-of-bob")

    threads = [threading.Thread(target=press, args=[place]) for place in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == ["", *["true"] * 11]
    assert bob.get("/slot-machine/history")["total"] == before + 1


def test_one_key_buys_once_over_http(stack: Stack, enter: Callable[[str], Person]) -> None:
    carol, jade = enter("carol"), enter("jade")
    jade_id = jade.get("/me")["id"]
    item = carol.get(f"/performer/{jade_id}/menus")["menus"][0]["items"][0]

    path, body = f"/menus/items/{item['id']}/purchase", {"expectedPrice": item["price"]}
    first, again = (carol.command(path, body, key="one-purchase-of-carol") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    carol_id = carol.get("/me")["id"]
    holds = rows(stack, "SELECT amount FROM escrow_hold WHERE payer_id = %s AND feature = 'menus'", carol_id)
    assert holds == [(item["price"],)]
    tokens = carol.wallet("TOKEN")
    assert tokens["available"] + tokens["held"] == START


def test_the_stacks_database_saw_no_deadlock(stack: Stack) -> None:
    assert rows(stack, "SELECT sum(deadlocks) FROM pg_stat_database") == [(0,)]
    assert "deadlock detected" not in stack.postgres_log.read_text()


def test_a_client_generated_from_the_description_does_the_main_job(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    python_client.generate(stack.url, tmp_path)

    done = python_client.main_job(stack.url)

    assert done == python_client.EXPECTED


def test_the_example_of_a_third_party_game_runs_as_documented(stack: Stack) -> None:
    """docs/third-party.md; anything that it is refused ends it with another exit code."""
    example = PROJECT / "docs" / "examples" / "dare.py"

    done = subprocess.run([sys.executable, str(example), stack.url], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert re.search(r"held 25 TOKEN until .*Z\nin line at \d+, state created\n", done.stdout)
    assert "finished: 25 settled, 0 back" in done.stdout
    assert re.search(r"Coin toss: (heads|tails), finished, 10 settled", done.stdout)
