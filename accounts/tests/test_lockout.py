"""Repeated failures lock a name for an address, and nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.test import Client

from accounts import services
from accounts.models import Role, User

PASSWORD = "a long enough one"
ELSEWHERE = "198.51.100.7"


@pytest.fixture(autouse=True)
def few_failures(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3


@pytest.fixture
def alice(transactional_db: None) -> User:
    services.create_user(username="bob", password=PASSWORD)
    return services.create_user(username="alice", password=PASSWORD, role=Role.SUPPORT)


def attempt(client: Client, *, address: str = "127.0.0.1", **given: str) -> Any:
    body = {"username": "alice", "password": "wrong", **given}
    return client.post("/api/v1/auth/token", body, content_type="application/json", REMOTE_ADDR=address)


def statuses(client: Client, count: int, **given: str) -> list[int]:
    return [attempt(client, **given).status_code for _ in range(count)]


def test_the_third_failure_locks_and_names_for_how_long(client: Client, alice: User) -> None:
    assert statuses(client, 3) == [401, 401, 429]

    locked = attempt(client, password=PASSWORD)

    assert locked.status_code == 429
    assert locked.json()["error"]["code"] == "THROTTLED"
    assert 290 <= int(locked.headers["Retry-After"]) <= 300


def test_other_names_behind_the_same_address_are_not_locked(client: Client, alice: User) -> None:
    statuses(client, 3)

    assert attempt(client, username="bob", password=PASSWORD).status_code == 200


def test_the_same_name_from_elsewhere_is_not_locked(client: Client, alice: User) -> None:
    statuses(client, 3)

    assert attempt(client, password=PASSWORD, address=ELSEWHERE).status_code == 200


def test_another_browser_does_not_start_the_count_anew(client: Client, alice: User) -> None:
    statuses(client, 2)

    assert statuses(Client(headers={"User-Agent": "another"}), 1) == [429]


def test_a_success_starts_the_count_anew(client: Client, alice: User) -> None:
    assert statuses(client, 2) == [401, 401]
    assert attempt(client, password=PASSWORD).status_code == 200

    assert statuses(client, 2) == [401, 401]


def test_a_locked_name_is_free_after_the_time_and_trying_does_not_prolong_it(client: Client, alice: User) -> None:
    statuses(client, 5)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(seconds=299))
    assert attempt(client, password=PASSWORD).headers["Retry-After"] == "1"

    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(seconds=1))

    assert attempt(client, password=PASSWORD).status_code == 200


def test_the_back_office_shares_the_count_and_is_locked_too(client: Client, alice: User) -> None:
    statuses(client, 3)

    form = {"username": "alice", "password": PASSWORD}
    answer = client.post("/admin/login/", form)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    assert "Too many failed sign-ins for this name. Wait, then try again." in answer.content.decode()


def test_without_a_trusted_proxy_a_forwarded_address_is_not_believed(client: Client, alice: User) -> None:
    for number in range(3):
        body = {"username": "alice", "password": "wrong"}
        client.post(
            "/api/v1/auth/token",
            body,
            content_type="application/json",
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        )

    assert attempt(client, password=PASSWORD).status_code == 429


@pytest.mark.parametrize(
    ("trusted", "forwarded_for", "peer", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1", "127.0.0.1"),
        (1, "203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (1, "203.0.113.1, 203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (2, "203.0.113.1, 203.0.113.9", "127.0.0.1", "203.0.113.1"),
        (2, "203.0.113.9", "127.0.0.1", "127.0.0.1"),
        (1, "", "127.0.0.1", "127.0.0.1"),
        (1, "unknown", "::1", "::1"),
        (1, "'; DROP", "", None),
    ],
)
def test_only_our_own_proxies_are_believed(
    settings: Any, trusted: int, forwarded_for: str, peer: str, address: str | None
) -> None:
    settings.TRUSTED_PROXIES = trusted

    assert services.address_of(forwarded_for=forwarded_for, peer=peer) == address
