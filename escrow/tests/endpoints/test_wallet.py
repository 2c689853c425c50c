"""The wallet's endpoints: read only, the owner's only, exact answers."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from escrow import services
from escrow.services import Close
from escrow.tests.factories import finished, request
from tests.world import client_of, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/wallet"


def test_the_wallets_are_a_bare_array_with_tokens_first() -> None:
    alice, ruby = person(tokens=300, points=7), performer()
    services.close_many([Close("k", finished(alice, ruby, 100, 61), 61, 39)])
    services.hold(request(alice, ruby, 50))

    assert client_of(alice).get(API).json() == [
        {"currency": "TOKEN", "available": 189, "held": 50, "earned": 0, "owed": 0},
        {"currency": "POINT", "available": 7, "held": 0, "earned": 0, "owed": 0},
    ]
    assert client_of(ruby).get(API).json()[0]["earned"] == 61


def test_holds_and_transfers_are_ones_own_newest_first() -> None:
    alice, bob, ruby = person(tokens=300), person(tokens=300), performer()
    services.close_many([Close("k", finished(alice, ruby, 100, 61), 61, 39)])
    opened = services.hold(request(alice, ruby, 50))
    services.hold(request(bob, ruby, 50))

    holds = client_of(alice).get(f"{API}/holds").json()
    transfers = client_of(alice).get(f"{API}/transfers").json()

    assert holds["next"] is None
    assert holds["items"][0] == {
        "id": str(opened.hold_id),
        "status": "HELD",
        "amount": 50,
        "captured": 0,
        "released": 0,
        "currency": "TOKEN",
        "payee": str(ruby.pk),
        "feature": "test",
        "createdAt": holds["items"][0]["createdAt"],
        "expiresAt": holds["items"][0]["expiresAt"],
    }
    assert holds["items"][0]["createdAt"].endswith("Z")
    assert [hold["status"] for hold in holds["items"]] == ["HELD", "SPLIT"]
    assert [hold["expiresAt"] is None for hold in holds["items"]] == [False, True]  # a closed one cannot expire
    assert [(step["operation"], step["available"], step["availableAfter"]) for step in transfers["items"]] == [
        ("hold", -50, 189),
        ("split", 39, 239),
        ("hold", -100, 200),
        ("deposit", 300, 300),
    ]


@pytest.mark.parametrize("path", ["holds", "transfers"])
def test_pages_follow_each_other_and_cost_the_same_at_any_length(path: str) -> None:
    alice, ruby = person(tokens=1_000), performer()
    client, costs, seen = client_of(alice), list[int](), list[str]()

    for many in (1, 9):
        for _ in range(many):
            services.hold(request(alice, ruby, 10))
        with CaptureQueriesContext(connection) as run:
            client.get(f"{API}/{path}?limit=100")
        costs.append(len(run))
    following: str | None = ""
    pages = 0
    while following is not None:
        page = client.get(f"{API}/{path}?limit=4" + (f"&cursor={following}" if following else "")).json()
        seen += [row["id"] for row in page["items"]]
        following, pages = page["next"], pages + 1

    assert costs == [1, 1]
    assert pages == 3
    assert len(seen) == len(set(seen)) == (10 if path == "holds" else 11)
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=1.5", "cursor=x", "cursor=%00", "cursor=é"]
)
def test_an_invalid_page_is_refused(query: str) -> None:
    answer = client_of(person()).get(f"{API}/holds?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_FAILED")
