"""One stand-in for these tests, each with a user of its own; faults end with the test."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from loyalty.tests.contract.caller import Caller, Given, fresh
from tests.standin import CLIENT_ID, CLIENT_SECRET, StandIn

POINTS = 10_000


def given_by(standin: StandIn) -> Given:
    """A linked user of a running stand-in."""
    user_id = fresh("user")
    member = {"memberId": fresh("member"), "proof": "111111", "balance": POINTS, "clientUserId": user_id}
    standin.steering.put_members([member])
    return Given(standin.url, CLIENT_ID, CLIENT_SECRET, user_id, fresh("user"), fresh("member"), "code", "111111")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("standin") / "points.db") as standin:
        yield standin


@pytest.fixture
def standin(running: StandIn) -> Iterator[StandIn]:
    running.steering.clear()
    yield running
    running.steering.clear()


@pytest.fixture
def caller(standin: StandIn) -> Iterator[Caller]:
    with closing(Caller(given_by(standin))) as made:
        yield made
