"""The endpoints under /slot-machine/: shapes, order of answers, replays, statements, and what bad input gets."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Role, User
from core.ids import NIL, new_id
from slots.draw import commitment
from slots.tests.factories import losing, player, points_of, post_spin, state_of, winning
from tests.world import client_of, person

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/slot-machine"
HEX32 = "0" * 64


@pytest.fixture
def user() -> User:
    return player()


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


def body_of(response: Any) -> Any:
    return json.loads(response.content)


def test_a_spin_answers_in_the_documented_shape(client: APIClient, user: User) -> None:
    offered = body_of(client.get(f"{BASE}/fairness"))

    response = post_spin(
        client,
        commitment=offered["commitment"],
        paytableDigest=offered["paytableDigest"],
        clientNonce=winning(user).hex().upper(),
        clientSeed="",
    )

    answer = body_of(response)
    assert response.status_code == 200
    assert list(answer) == [
        "spinId",
        "nonce",
        "timestamp",
        "betAmount",
        "result",
        "previousBalance",
        "newBalance",
        "fairness",
        "session",
        "pendingCredit",
    ]
    result, payout = answer["result"], answer["result"]["payout"]
    assert list(result) == ["symbols", "isWin", "payout", "multiplier"]
    assert (len(result["symbols"]), result["isWin"]) == (3, True)
    assert float(result["multiplier"]) == payout / 100
    assert answer["newBalance"] == answer["previousBalance"] - 100 + payout == points_of(user)
    assert commitment(bytes.fromhex(answer["fairness"]["seed"])).hex() == offered["commitment"]
    assert answer["fairness"]["commitment"] == offered["commitment"]
    assert (answer["nonce"], answer["fairness"]["nextNonce"]) == (0, 1)
    assert answer["session"] == {
        "netPoints": payout - 100,
        "elapsedSeconds": 0,
        "spinsLeft": None,
        "limitsLeft": {"24h": 9_900, "7d": 39_900, "30d": 119_900},
    }
    assert answer["pendingCredit"] is False
    assert answer["timestamp"].endswith("Z")


def test_a_loss_has_the_multiplier_nought(client: APIClient, user: User) -> None:
    answer = body_of(post_spin(client, clientNonce=losing(user).hex()))

    assert (answer["result"]["isWin"], answer["result"]["payout"], answer["result"]["multiplier"]) == (False, 0, "0")


def test_the_next_commitment_can_be_named_in_the_next_spin(client: APIClient) -> None:
    first = body_of(post_spin(client))

    second = body_of(post_spin(client, commitment=first["fairness"]["nextCommitment"]))

    assert second["fairness"]["commitment"] == first["fairness"]["nextCommitment"]
    assert second["nonce"] == 1


def test_a_key_sent_twice_spins_once(client: APIClient, user: User) -> None:
    first, second = post_spin(client, key="the-same-key"), post_spin(client, key="the-same-key")

    assert first.content == second.content
    assert (first.get("Idempotent-Replayed"), second["Idempotent-Replayed"]) == (None, "true")
    assert state_of(user).nonce == 1


def test_a_key_is_replayed_even_when_the_player_may_no_longer_play(client: APIClient, user: User) -> None:
    first = post_spin(client, key="the-same-key")
    User.objects.filter(pk=user.pk).update(role=Role.PERFORMER)
    user.role = Role.PERFORMER

    second = post_spin(client, key="the-same-key")

    assert (second.status_code, second.content) == (200, first.content)


def test_a_key_used_for_another_spin_is_refused(client: APIClient, user: User) -> None:
    post_spin(client, key="the-same-key")

    refused = post_spin(client, key="the-same-key", clientSeed="other")

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert state_of(user).nonce == 1


def test_a_spin_needs_a_key(client: APIClient) -> None:
    refused = client.post(f"{BASE}/spin", {"betAmount": 100}, format="json")

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")


def test_a_refused_key_may_be_used_again(client: APIClient, user: User) -> None:
    assert post_spin(client, key="the-same-key", betAmount=50).status_code == 422

    assert post_spin(client, key="the-same-key").status_code == 200


# --- reads --------------------------------------------------------------------------------------------------


def test_history_is_newest_first_and_pages_by_offset(client: APIClient) -> None:
    made = [body_of(post_spin(client))["spinId"] for _ in range(5)]

    page = body_of(client.get(f"{BASE}/history?limit=2&offset=1"))
    whole = body_of(client.get(f"{BASE}/history"))

    assert [spin["spinId"] for spin in whole["spins"]] == made[::-1]
    assert (whole["total"], whole["limit"], whole["offset"]) == (5, 20, 0)
    assert [spin["spinId"] for spin in page["spins"]] == [made[3], made[2]]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 1)
    members = ["spinId", "nonce", "timestamp", "betAmount", "symbols", "isWin", "payout"]
    assert list(whole["spins"][0]) == members
    assert body_of(client.get(f"{BASE}/history?offset=5"))["spins"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=1.5", "offset=" + "9" * 30])
def test_a_page_that_cannot_be_is_refused(client: APIClient, query: str) -> None:
    refused = client.get(f"{BASE}/history?{query}")

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (400, "VALIDATION_FAILED")


def test_config_has_the_exact_return_and_all_odds(client: APIClient) -> None:
    config = body_of(client.get(f"{BASE}/config"))

    assert (config["enabled"], config["betAmount"], config["rtp"], config["rtpPercent"]) == (True, 100, "19/20", "95")
    assert (config["paytable"]["id"], config["paytable"]["version"]) == ("classic-95", 1)
    assert config["paytableDigest"] == "44e5f951689355d4bd697321be5c1b6ea95e090d93ae1c0d8764d8fbc82b5298"
    assert all(row["of"] == 8_000_000 for row in config["odds"])
    assert sum(row["pay"] * row["tickets"] for row in config["odds"]) == 95 * 8_000_000
    assert config["odds"][0] == {"kind": "three_diamond", "pay": 250_000, "tickets": 1, "of": 8_000_000}


def test_fairness_names_the_next_commitment_and_the_spin_keeps_it(client: APIClient, user: User) -> None:
    first, again = (body_of(client.get(f"{BASE}/fairness")) for _ in range(2))

    assert first == again
    assert list(first) == ["commitment", "nonce", "paytableDigest", "clientSeed"]
    assert (first["nonce"], first["clientSeed"]) == (0, "")
    assert bytes.fromhex(first["commitment"]) == bytes(state_of(user).commitment)


def test_the_rate_limit_shows_what_is_left(client: APIClient, settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 2
    fresh = body_of(client.get(f"{BASE}/rate-limit"))
    post_spin(client)
    left = body_of(client.get(f"{BASE}/rate-limit"))
    post_spin(client)

    refused = post_spin(client)

    assert fresh == {"limit": 2, "used": 0, "remaining": 2, "resetsAt": None}
    assert (left["used"], left["remaining"]) == (1, 1)
    assert left["resetsAt"].endswith("Z")
    assert (refused.status_code, body_of(refused)["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 3_590 <= int(refused["Retry-After"]) <= 3_600
    assert body_of(refused)["error"]["details"]["limit"] == 2


def test_a_spin_too_fast_has_retry_after(client: APIClient, settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 60_000
    post_spin(client)

    refused = post_spin(client)

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (429, "SPIN_TOO_FAST")
    assert 58 <= int(refused["Retry-After"]) <= 60


def test_a_spin_can_be_read_again_with_its_proof(client: APIClient) -> None:
    answer = body_of(post_spin(client))

    kept = body_of(client.get(f"{BASE}/spins/{answer['spinId']}"))

    assert kept.pop("clientNonceFrom") == "server"
    assert kept == {name: answer[name] for name in kept}
    assert {"result", "fairness", "previousBalance", "newBalance"} <= set(kept)


def test_somebody_elses_spin_is_not_found(client: APIClient) -> None:
    spin_id = body_of(post_spin(client))["spinId"]

    for asker, wanted in ((client_of(player()), spin_id), (client, str(new_id())), (client, "not-an-id")):
        refused = asker.get(f"{BASE}/spins/{wanted}")
        assert (refused.status_code, body_of(refused)["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["history", "config", "rate-limit", "fairness", f"spins/{NIL}"])
def test_only_users_read(path: str) -> None:
    assert APIClient().get(f"{BASE}/{path}").status_code == 401
    refused = client_of(person(role=Role.PERFORMER)).get(f"{BASE}/{path}")
    assert (refused.status_code, body_of(refused)["error"]["code"]) == (403, "ROLE_NOT_ALLOWED")
