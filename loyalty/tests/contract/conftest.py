"""The server under test.

A given one is named by RRR_CONTRACT_BASE_URL, RRR_CONTRACT_CLIENT_ID and RRR_CONTRACT_CLIENT_SECRET, with
RRR_CONTRACT_USER_ID (linked, 1,000 points or more), RRR_CONTRACT_NEW_USER_ID, RRR_CONTRACT_NEW_MEMBER_ID,
RRR_CONTRACT_PROOF_METHOD and RRR_CONTRACT_PROOF (not linked yet, or by an earlier run).
"""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from loyalty.tests.contract.caller import Caller, Given, fresh
from tests.standin import CLIENT_ID, CLIENT_SECRET, StandIn

GIVEN = os.environ.get("RRR_CONTRACT_BASE_URL")
SHAPES = ["given"] if GIVEN else ["flat", "wrapped"]
POINTS = 100_000


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn | None]:
    """The stand-in; none where the environment names a server."""
    if GIVEN:
        yield None
        return
    with StandIn(tmp_path_factory.mktemp("standin") / "points.db") as running:
        yield running


@pytest.fixture(scope="module", params=SHAPES)
def given(standin: StandIn | None, request: pytest.FixtureRequest) -> Given:
    """The server under test; the stand-in in each shape of its refusals."""
    if standin is None:
        name = "RRR_CONTRACT_{}".format
        return Given(
            os.environ[name("BASE_URL")].rstrip("/"),
            os.environ[name("CLIENT_ID")],
            os.environ[name("CLIENT_SECRET")],
            user_id=os.environ[name("USER_ID")],
            new_user_id=os.environ[name("NEW_USER_ID")],
            new_member_id=os.environ[name("NEW_MEMBER_ID")],
            proof_method=os.environ[name("PROOF_METHOD")],
            proof=os.environ[name("PROOF")],
        )
    standin.steering.shape(request.param)
    user_id, member_id = fresh("user"), fresh("member")
    old = {"memberId": fresh("member"), "proof": "111111", "balance": POINTS, "clientUserId": user_id}
    standin.steering.put_members([old, {"memberId": member_id, "proof": "204118", "balance": POINTS}])
    return Given(
        standin.url, CLIENT_ID, CLIENT_SECRET, user_id, fresh("user"), member_id, "confirmation_code", "204118"
    )


@pytest.fixture
def caller(given: Given) -> Iterator[Caller]:
    with closing(Caller(given)) as made:
        yield made
