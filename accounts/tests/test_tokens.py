"""Signing in by token: pairs, rotation, revocation, and who is refused."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import services, tokens
from accounts.errors import RefreshRefused
from accounts.models import User
from core.errors import Unauthenticated

PASSWORD = "a long enough one"
OBTAIN, REFRESH, REVOKE = "/api/v1/auth/token", "/api/v1/auth/token/refresh", "/api/v1/auth/token/revoke"


@pytest.fixture
def alice(transactional_db: None) -> User:
    return services.create_user(username="alice", password=PASSWORD)


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def pair(client: Client) -> dict[str, str]:
    answer = post(client, OBTAIN, username="alice", password=PASSWORD)
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def me(client: Client, access: str) -> int:
    return int(client.get("/api/v1/me", headers={"Authorization": f"Bearer {access}"}).status_code)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_name_and_password_give_a_pair_that_works(client: Client, alice: User) -> None:
    given = pair(client)

    assert set(given) == {"access", "refresh"}
    assert me(client, given["access"]) == 200
    assert me(client, given["refresh"]) == 401, "a refresh token opens no endpoint"


def test_no_refresh_token_can_be_read_from_the_database(client: Client, alice: User) -> None:
    pair(client)

    assert OutstandingToken.objects.get().token == ""


@pytest.mark.parametrize(
    "given", [{"username": "alice", "password": "wrong"}, {"username": "nobody", "password": PASSWORD}]
)
def test_wrong_credentials_get_the_same_answer(client: Client, alice: User, given: dict[str, str]) -> None:
    answer = post(client, OBTAIN, **given)

    assert code(answer) == (401, "UNAUTHENTICATED")
    assert answer.json()["error"]["message"] == "The name or the password is not right."


def test_an_inactive_user_cannot_sign_in(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)

    assert code(post(client, OBTAIN, username="alice", password=PASSWORD)) == (401, "UNAUTHENTICATED")


def test_an_old_bearer_token_sent_along_closes_no_endpoint_before_sign_in(client: Client, alice: User) -> None:
    body = {"username": "alice", "password": PASSWORD}

    answer = client.post(OBTAIN, body, content_type="application/json", headers={"Authorization": "Bearer old"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "alice"},
        {"username": "alice", "password": ""},
        {"username": "alice", "password": 1},
        {"username": ["alice"], "password": "x"},
        {"username": "alice\x00", "password": "x"},
        {"username": "a" * 151, "password": "x"},
        {"username": "alice", "password": "x" * 1025},
        {"username": "alice", "password": "x", "role": "admin"},
    ],
)
def test_what_is_not_two_strings_is_invalid(client: Client, alice: User, body: dict[str, Any]) -> None:
    assert code(post(client, OBTAIN, **body)) == (400, "VALIDATION_FAILED")


def test_other_methods_types_and_bodies_are_refused(client: Client, alice: User) -> None:
    assert code(client.get(OBTAIN)) == (405, "METHOD_NOT_ALLOWED")
    assert code(client.post(OBTAIN, {"username": "alice", "password": "x"})) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert code(client.post(OBTAIN, "{", content_type="application/json")) == (400, "INVALID_JSON")
    assert code(client.post(OBTAIN, b" " * (1 << 20) + b"{}", content_type="application/json")) == (
        413,
        "BODY_TOO_LARGE",
    )


def test_a_refresh_token_is_used_once_and_gives_the_next(client: Client, alice: User) -> None:
    first = pair(client)

    second = post(client, REFRESH, refresh=first["refresh"]).json()

    assert me(client, second["access"]) == 200
    assert second["refresh"] != first["refresh"]
    assert code(post(client, REFRESH, refresh=first["refresh"])) == (401, "UNAUTHENTICATED")
    assert post(client, REFRESH, refresh=second["refresh"]).status_code == 200


def test_a_revoked_refresh_token_is_of_no_use_and_revoking_again_is_fine(client: Client, alice: User) -> None:
    given = pair(client)

    answers = [post(client, REVOKE, refresh=given["refresh"]) for _ in range(2)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {}), (200, {})]
    assert code(post(client, REFRESH, refresh=given["refresh"])) == (401, "UNAUTHENTICATED")
    alice.refresh_from_db()
    assert len(alice.ended_families) == 1, "named once"


def test_a_revoked_application_loses_its_access_tokens_at_once_and_no_other_does(client: Client, alice: User) -> None:
    given, other = pair(client), pair(client)
    renewed = post(client, REFRESH, refresh=given["refresh"]).json()

    post(client, REVOKE, refresh=renewed["refresh"])

    assert [me(client, each["access"]) for each in (given, renewed, other)] == [401, 401, 200]
    with pytest.raises(Unauthenticated):
        services.token_user(renewed["access"])


def test_families_are_forgotten_once_their_last_access_token_has_expired(client: Client, alice: User) -> None:
    for _ in range(2):
        post(client, REVOKE, refresh=pair(client)["refresh"])
    alice.refresh_from_db()
    assert len(alice.ended_families) == 2

    User.objects.update(family_ended_at=timezone.now() - timedelta(minutes=7))
    post(client, REVOKE, refresh=pair(client)["refresh"])

    alice.refresh_from_db()
    assert len(alice.ended_families) == 1


def test_tokens_of_before_there_were_families_live_on_and_begin_one(client: Client, alice: User) -> None:
    old = tokens.Refresh.for_user(alice)
    del old.payload[tokens.FAMILY]
    access = str(old.access_token)
    assert me(client, access) == 200

    renewed = post(client, REFRESH, refresh=str(old)).json()
    post(client, REVOKE, refresh=renewed["refresh"])

    assert [me(client, each) for each in (access, renewed["access"])] == [200, 401]


def expired(user: User) -> str:
    token = tokens.Refresh.for_user(user)
    token.set_exp(lifetime=timedelta(seconds=-1))
    return str(token)


def forged(user: User) -> str:
    token = str(tokens.Refresh.for_user(user))
    head, claims, signature = token.split(".")
    return ".".join([head, claims, ("A" if signature[0] != "A" else "B") + signature[1:]])


def unknown(user: User) -> str:
    token = tokens.Refresh.for_user(user)
    OutstandingToken.objects.all().delete()
    return str(token)


def access(user: User) -> str:
    return tokens.issue(user).access


def garbage(user: User) -> str:
    return "é.é.é"


@pytest.mark.parametrize("path", [REFRESH, REVOKE])
@pytest.mark.parametrize("made", [expired, forged, unknown, access, garbage])
def test_a_bad_refresh_token_is_refused(client: Client, alice: User, path: str, made: Callable[[User], str]) -> None:
    assert code(post(client, path, refresh=made(alice))) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("body", [{}, {"refresh": ""}, {"refresh": 7}, {"refresh": "a\x00"}, {"refresh": "x" * 4097}])
def test_a_refresh_that_is_no_string_is_invalid(client: Client, alice: User, body: dict[str, Any]) -> None:
    assert code(post(client, REFRESH, **body)) == (400, "VALIDATION_FAILED")


def test_an_access_token_that_was_accepted_is_refused_once_it_expires(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = pair(client)
    before = me(client, given["access"])
    late = services.token_user(given["access"])[1] + 1
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: late))

    assert (before, me(client, given["access"])) == (200, 401)


def test_of_an_accepted_token_no_other_signature_is_accepted(client: Client, alice: User) -> None:
    given = pair(client)["access"]
    before = me(client, given)
    head, claims, signature = given.split(".")
    other = "A" if signature[0] != "A" else "B"

    assert (before, me(client, f"{head}.{claims}.{other}{signature[1:]}")) == (200, 401)


def deactivate(user: User) -> None:
    User.objects.update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another long one")
    user.save()


@pytest.mark.parametrize("ending", [deactivate, change_password])
def test_deactivation_and_a_new_password_end_every_token_at_once(
    client: Client, alice: User, ending: Callable[[User], None]
) -> None:
    given = pair(client)

    ending(alice)

    assert me(client, given["access"]) == 401
    assert code(post(client, REFRESH, refresh=given["refresh"])) == (401, "UNAUTHENTICATED")
    with pytest.raises(Unauthenticated):
        services.token_user(given["access"])


@pytest.mark.parametrize("user_id", ["nobody", 7, None, "00000000-0000-7000-8000-000000000001"])
def test_a_signed_token_of_no_user_opens_nothing(client: Client, alice: User, user_id: object) -> None:
    token = tokens.Refresh.for_user(alice).access_token
    token["user_id"] = user_id

    assert me(client, str(token)) == 401


def test_a_request_costs_one_statement_for_authentication(
    client: Client, alice: User, django_assert_num_queries: Any
) -> None:
    given = pair(client)

    with django_assert_num_queries(2) as queries:
        assert me(client, given["access"]) == 200
    assert ["accounts_user" in each["sql"] for each in queries] == [True, False], "the second one is of the terms"


def simultaneously(work: Callable[[], object], *, times: int) -> list[str]:
    """Run the same thing in threads that start together; return what became of each."""
    together, outcomes = threading.Barrier(times), []

    def one() -> None:
        try:
            together.wait(10)
            work()
            outcomes.append("done")
        except (RefreshRefused, TokenError) as refused:
            outcomes.append(type(refused).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(outcomes)


@pytest.mark.django_db(transaction=True)
def test_a_refresh_token_used_twice_at_once_works_once() -> None:
    user = services.create_user(username="alice", password=PASSWORD)

    outcomes = [simultaneously(partial(tokens.rotate, used), times=2) for used in pairs_of(user, 5)]

    assert outcomes == [["RefreshRefused", "done"]] * 5


@pytest.mark.django_db(transaction=True)
def test_control_checking_before_using_up_lets_both_through() -> None:
    user = services.create_user(username="alice", password=PASSWORD)
    looked = threading.Barrier(2)

    class Naive(TokenRefreshSerializer):
        """The library's own way: check whether it was used, then mark it used."""

        class token_class(RefreshToken):  # noqa: N801  named by the library
            def check_blacklist(self) -> None:
                super().check_blacklist()
                looked.wait(10)

    (used,) = pairs_of(user, 1)

    assert simultaneously(partial(Naive().validate, {"refresh": used}), times=2) == ["done", "done"]


def pairs_of(user: User, count: int) -> list[str]:
    return [tokens.issue(user).refresh for _ in range(count)]
