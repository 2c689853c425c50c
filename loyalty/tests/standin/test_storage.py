"""A stand-in that is killed while it answers has kept what it answered, and carries nothing out twice afterwards."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from loyalty.tests.contract.caller import Answered, Caller, fresh
from loyalty.tests.standin.conftest import POINTS, given_by
from tests.standin import StandIn

CLIENTS, SPINS = 4, 60


@pytest.fixture
def own(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "points.db") as standin:
        yield standin


def test_what_was_answered_is_kept_by_a_killed_one_and_moved_once(own: StandIn) -> None:
    given = given_by(own)
    answered: dict[str, Answered] = {}
    asked: list[str] = []
    many = threading.Event()

    def spin(number: int) -> None:
        with closing(Caller(given)) as caller, suppress(httpx.TransportError):
            for _ in range(SPINS):
                asked.append(key := fresh("spin"))
                answered[key] = caller.move("deduct", 1, key)
                if len(answered) >= SPINS:
                    many.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = pool.map(spin, range(CLIENTS))
        assert many.wait(30)
        own.kill()
        list(clients)
    own.start()

    assert SPINS <= len(answered) < CLIENTS * SPINS
    with closing(Caller(given)) as caller:
        entries = {entry["transactionId"] for entry in caller.entries()}
        again = {key: caller.move("deduct", 1, key) for key in asked}
        assert caller.balance() == POINTS - len(asked)
    assert set(answered) <= entries
    assert {key: again[key].raw for key in answered} == {key: answer.raw for key, answer in answered.items()}
    assert sum(entry["pointsDelta"] for entry in own.steering.entries()) == POINTS - len(asked)


def test_a_token_and_the_links_outlive_the_process(own: StandIn) -> None:
    given = given_by(own)
    with closing(Caller(given)) as caller:
        own.kill()
        own.start()

        assert caller.balance() == POINTS
        assert caller.get("/links/status", clientUserId=given.user_id).body["linked"] is True
