"""Intents that end, and a stand-in that takes every new membership for proven, as the demo's does."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from loyalty.tests.contract.caller import Answered, Caller, Given, fresh
from tests.standin import CLIENT_ID, CLIENT_SECRET, StandIn

POINTS = 5_000


@pytest.fixture(scope="module")
def enrolling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    file = tmp_path_factory.mktemp("standin") / "points.db"
    with StandIn(Path(file), "--enrol", str(POINTS), "--intent-life-s", "0.5") as standin:
        yield standin


@pytest.fixture
def caller(enrolling: StandIn) -> Iterator[Caller]:
    given = Given(enrolling.url, CLIENT_ID, CLIENT_SECRET, fresh("user"), fresh("user"), fresh("m"), "code", "111111")
    with closing(Caller(given)) as made:
        yield made


def confirm(caller: Caller, intent_id: str, user_id: str, proof: str = "111111") -> Answered:
    proven = {"method": "code", "assertion": proof}
    member_id = caller.given.new_member_id
    fields = {"intentId": intent_id, "memberId": member_id, "clientUserId": user_id, "proof": proven}
    return caller.post("/links/confirm", fields)


def intent(caller: Caller, user_id: str) -> str:
    return str(opened(caller, user_id)["intentId"])


def opened(caller: Caller, user_id: str) -> dict[str, object]:
    return caller.post("/links/intents", {"clientUserId": user_id}).body


def test_the_code_itself_proves_a_membership(caller: Caller) -> None:
    user_id = caller.given.user_id
    first, second = opened(caller, user_id), opened(caller, user_id)

    linked = confirm(caller, str(first["intentId"]), user_id, proof=str(first["linkCode"]))
    again = confirm(caller, str(second["intentId"]), user_id, proof=str(second["linkCode"]))
    of_another = confirm(caller, str(second["intentId"]), user_id, proof="AAAA-AAAA")

    assert (linked.status, again.body, of_another.status) == (200, linked.body, 403)


def test_a_new_member_has_points_and_the_proof_counts_from_then_on(caller: Caller) -> None:
    user_id, other = caller.given.user_id, fresh("user")

    linked = confirm(caller, intent(caller, user_id), user_id)
    again = confirm(caller, intent(caller, user_id), user_id)
    wrong = confirm(caller, intent(caller, other), other, proof="999999")

    assert (linked.status, caller.balance()) == (200, POINTS)
    assert again.body == linked.body
    assert (wrong.status, wrong.code) == (403, "INVALID_PROOF")


def test_a_code_that_has_run_out_links_nobody(caller: Caller, enrolling: StandIn) -> None:
    user_id = caller.given.user_id
    late = intent(caller, user_id)
    enrolling.steering.fault("latency", count=1, ms=1_200, path="/confirm")

    answer = confirm(caller, late, user_id)

    assert (answer.status, answer.code) == (410, "INTENT_EXPIRED")
    assert caller.get("/links/status", clientUserId=user_id).body["linked"] is False
