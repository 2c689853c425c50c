"""GET /me, sessions, and creating accounts."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.test import Client

from accounts import services
from accounts.errors import SignInLocked, WrongCredentials
from accounts.models import PerformerProfile, Role, User
from accounts.services.people import display_names
from core.errors import ValidationFailed
from core.ids import new_id
from tests.world import new_terms

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long enough one"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def few_failures(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2


def arrived() -> HttpRequest:
    request = HttpRequest()
    request.method = "POST"
    request.session = SessionStore()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    return request


def test_me_returns_the_signed_in_user(client: Client) -> None:
    user = services.create_user(username="alice", verified=True, terms_version=1)
    client.force_login(user, BACKEND)
    new_terms()

    answer = client.get("/api/v1/me")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(user.pk),
        "username": "alice",
        "displayName": "alice",
        "role": "user",
        "verified": True,
        "termsAccepted": False,
        "termsVersion": 2,
    }


def test_a_performer_has_a_stage_name(client: Client) -> None:
    ruby = services.create_performer(username="ruby", display_name="Ruby Lane", fee_bps=1_000)
    client.force_login(ruby, BACKEND)

    me = client.get("/api/v1/me").json()

    assert (me["displayName"], me["role"], me["verified"]) == ("Ruby Lane", "performer", False)


def test_names_of_many_cost_one_statement(django_assert_num_queries: Any) -> None:
    people = [services.create_performer(username=f"p{n}", display_name=f"P {n}") for n in range(3)]
    people.append(services.create_user(username="alice"))

    with django_assert_num_queries(1):
        assert list(display_names(people).values()) == ["P 0", "P 1", "P 2", "alice"]


def test_me_requires_authentication(client: Client) -> None:
    answer = client.get("/api/v1/me")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


def test_a_session_starts_under_a_new_key_and_belongs_to_its_person() -> None:
    alice = services.create_user(username="alice", password=PASSWORD)
    request = arrived()
    request.session.create()
    before = request.session.session_key

    assert services.sign_in(request, username="alice", password=PASSWORD) == alice

    request.session.save()
    key = str(request.session.session_key)
    assert key != before
    assert services.session_user(key) == alice
    assert services.session_user("no such session") is None
    User.objects.update(is_active=False)
    assert services.session_user(key) is None


def test_a_session_ends_with_signing_out_and_with_a_new_password() -> None:
    alice = services.create_user(username="alice", password=PASSWORD)
    first, second = arrived(), arrived()
    for request in (first, second):
        services.sign_in(request, username="alice", password=PASSWORD)
        request.session.save()
    keys = [str(request.session.session_key) for request in (first, second)]

    services.sign_out(first)
    alice.set_password("another long one")
    alice.save()

    assert [services.session_user(key) for key in keys] == [None, None]


def test_failures_on_the_page_and_in_the_api_count_together(client: Client) -> None:
    services.create_user(username="alice", password=PASSWORD)
    with pytest.raises(WrongCredentials):
        services.sign_in(arrived(), username="alice", password="wrong")
    body = {"username": "alice", "password": "wrong"}
    assert client.post("/api/v1/auth/token", body, content_type="application/json").status_code == 429

    with pytest.raises(SignInLocked) as locked:
        services.sign_in(arrived(), username="alice", password=PASSWORD)

    assert locked.value.retry_after_s is not None
    assert 290 <= locked.value.retry_after_s <= 300


def test_a_person_without_a_password_cannot_sign_in(client: Client) -> None:
    services.create_user(username="alice")
    body = {"username": "alice", "password": "None"}

    assert client.post("/api/v1/auth/token", body, content_type="application/json").status_code == 401


def test_a_password_may_be_given_hashed() -> None:
    user = services.create_user(username="alice", hashed_password=make_password(PASSWORD), role=Role.FINANCE)

    assert user.check_password(PASSWORD)
    assert (user.is_staff, user.is_backoffice, user.verified_at) == (False, True, None)


def test_a_performer_is_created_with_her_profile_or_not_at_all() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        services.create_performer(username="ruby", display_name="Ruby", fee_bps=10_001)

    assert not User.objects.exists()
    ruby = services.create_performer(username="ruby", display_name="Ruby")
    assert PerformerProfile.objects.get().user_id == ruby.pk


@pytest.mark.parametrize("name", ["a\0b", "\u202eeve", "\u200b\u200d", "two\nlines"])
def test_a_name_that_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(ValidationFailed) as of_user:
        services.create_user(username=name)
    with pytest.raises(ValidationFailed) as of_performer:
        services.create_performer(username="eve", display_name=name)

    assert (list(of_user.value.details), list(of_performer.value.details)) == (["username"], ["displayName"])
    assert not User.objects.exists()


def test_is_performer_requires_an_active_account() -> None:
    ruby = services.create_performer(username="ruby", display_name="Ruby")
    alice = services.create_user(username="alice")

    assert [services.is_performer(some) for some in (ruby.pk, alice.pk, new_id())] == [True, False, False]
    User.objects.filter(pk=ruby.pk).update(is_active=False)
    assert not services.is_performer(ruby.pk)
