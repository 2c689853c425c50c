"""The refusals of the endpoint of a spin; each writes its own row and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import Role, User
from compliance.models import Refusal
from core.ids import new_id
from slots.models import Game, Spin
from slots.tests.factories import losing, play, player, post_spin
from slots.tests.test_endpoints import BASE, HEX32, body_of
from tests.world import client_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return player()


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


Prepare = Callable[[User, Any], dict[str, Any]]


def _poor(user: User, settings: Any) -> dict[str, Any]:
    for _ in range(10):
        play(user=user, bet=100, client_nonce=losing(user))
    return {}


def _closed(user: User, settings: Any) -> dict[str, Any]:
    Game.objects.update(enabled=False)
    return {}


def _without(**fields: Any) -> Prepare:
    def prepare(user: User, settings: Any) -> dict[str, Any]:
        for name, value in fields.items():
            setattr(user, name, value)
        user.save()
        return {}

    return prepare


def _limited(name: str, value: int) -> Prepare:
    def prepare(user: User, settings: Any) -> dict[str, Any]:
        play(user=user, bet=100)
        setattr(settings, name, value)
        return {}

    return prepare


REFUSALS: list[tuple[str, int, str, Prepare]] = [
    ("role", 403, "ROLE_NOT_ALLOWED", _without(role=Role.PERFORMER)),
    ("game_enabled", 503, "GAME_DISABLED", _closed),
    ("age", 403, "AGE_VERIFICATION_REQUIRED", _without(verified_at=None)),
    ("terms", 403, "TERMS_NOT_ACCEPTED", _without(terms_version=0)),
    ("paytable", 409, "PAYTABLE_CHANGED", lambda user, settings: {"paytableDigest": HEX32}),
    ("commitment", 409, "COMMITMENT_STALE", lambda user, settings: {"commitment": HEX32}),
    ("bet", 422, "INVALID_BET", lambda user, settings: {"betAmount": 200}),
    ("too_fast", 429, "SPIN_TOO_FAST", _limited("SLOTS_MIN_INTERVAL_MS", 60_000)),
    ("hourly_limit", 429, "RATE_LIMIT_EXCEEDED", _limited("SLOTS_SPINS_PER_HOUR", 1)),
    ("balance", 402, "INSUFFICIENT_BALANCE", _poor),
]


@pytest.mark.parametrize(("gate", "status", "code", "prepare"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refused_spin_writes_its_refusal_and_nothing_else(
    gate: str, status: int, code: str, prepare: Prepare, settings: Any
) -> None:
    user = player(points=1_000)
    body = prepare(user, settings)
    before = written()

    refused = post_spin(client_of(user), **body)

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (status, code)
    assert written() == before
    recorded = Refusal.objects.get()
    assert (recorded.user_id, recorded.feature, recorded.gate, recorded.code) == (user.id, "slots", gate, code)


def written() -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a spin could write or change."""
    tables = (
        "core_idempotencykey",
        "slots_slotstate",
        "slots_spin",
        "escrow_wallet",
        "escrow_hold",
        "escrow_operation",
        "escrow_entry",
        "perfqueue_queueitem",
        "perfqueue_transition",
        "live_event",
    )
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")  # noqa: S608  names are ours
            found[table] = cursor.fetchall()
    return found


def test_what_is_no_gates_refusal_leaves_no_row(client: APIClient) -> None:
    assert post_spin(client, performerId=str(new_id())).status_code == 404
    assert post_spin(client, betAmount=-1).status_code == 400

    assert not Refusal.objects.exists()


def test_a_refusal_stands_when_it_cannot_be_recorded(client: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE compliance_refusal RENAME TO compliance_refusal_away")
    try:
        refused = post_spin(client, betAmount=200)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE compliance_refusal_away RENAME TO compliance_refusal")

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (422, "INVALID_BET")


# --- bad input ----------------------------------------------------------------------------------------------

GOOD_NONCE = "00" * 16
BAD_BODIES: list[dict[str, Any]] = [
    {},
    {"betAmount": None},
    {"betAmount": True},
    {"betAmount": 100.0},
    {"betAmount": "100"},
    {"betAmount": 0},
    {"betAmount": -100},
    {"betAmount": 1_000_000_001},
    {"betAmount": 10**40},
    {"betAmount": [100]},
    {"betAmount": {"amount": 100}},
    {"betAmount": 100, "bet": 100},
    {"betAmount": 100, "payout": 250_000},
    {"betAmount": 100, "clientNonce": "00"},
    {"betAmount": 100, "clientNonce": "zz" * 16},
    {"betAmount": 100, "clientNonce": GOOD_NONCE + "00"},
    {"betAmount": 100, "clientNonce": " " + GOOD_NONCE[1:]},
    {"betAmount": 100, "clientNonce": "٠" * 32},
    {"betAmount": 100, "clientNonce": 0},
    {"betAmount": 100, "clientNonce": None},
    {"betAmount": 100, "commitment": "0" * 63},
    {"betAmount": 100, "commitment": "0" * 64 + "\n"},
    {"betAmount": 100, "paytableDigest": "classic-95"},
    {"betAmount": 100, "clientSeed": "x" * 65},
    {"betAmount": 100, "clientSeed": "é" * 33},
    {"betAmount": 100, "clientSeed": "a\x00b"},
    {"betAmount": 100, "clientSeed": "\ud800"},
    {"betAmount": 100, "clientSeed": 7},
    {"betAmount": 100, "performerId": "ruby"},
    {"betAmount": 100, "performerId": 7},
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=[str(number) for number in range(len(BAD_BODIES))])
def test_a_body_that_cannot_be_used_is_refused_and_writes_nothing(
    client: APIClient, user: User, body: dict[str, Any]
) -> None:
    refused = client.post(
        f"{BASE}/spin", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": "bad-input-1"}
    )

    assert (refused.status_code, body_of(refused)["error"]["code"]) == (400, "VALIDATION_FAILED")
    assert not Spin.objects.filter(user_id=user.id).exists()
    assert not Refusal.objects.exists()


@pytest.mark.parametrize("text", ["", " ", "é" * 32, "x" * 64, "'; DROP TABLE slots_spin; --", '{}[]\\"\t', "🎰" * 16])
def test_any_text_of_up_to_64_bytes_is_a_client_seed(client: APIClient, text: str) -> None:
    answer = body_of(post_spin(client, clientSeed=text))

    assert answer["fairness"]["clientSeed"] == text
    assert body_of(client.get(f"{BASE}/spins/{answer['spinId']}"))["fairness"]["clientSeed"] == text


@pytest.mark.parametrize("body", [b"[]", b"null", b"100", b'"x"'])
def test_a_body_must_be_an_object(client: APIClient, body: bytes) -> None:
    refused = client.post(
        f"{BASE}/spin", body, content_type="application/json", headers={"Idempotency-Key": "bad-input-1"}
    )

    assert refused.status_code == 400
