"""Where one is signed in: listed on the account page, ended one by one or all others, at once."""

import re
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import services as accounts
from accounts import sessions
from accounts.models import User
from core.errors import NotFound
from escrow import services as escrow
from tests import world
from tests.racing import race
from xxxchat.pages.tests.visiting import fields, html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-password-of-this-test"
FIREFOX = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@pytest.fixture
def alice() -> User:
    user = accounts.create_user(username="alice", password=PASSWORD, verified=True, terms_version=1)
    escrow.open_wallets([user.pk])
    return user


def browser(agent: str) -> Client:
    """A browser in which Alice has signed in."""
    client = Client(headers={"user-agent": agent})
    client.post(reverse("sign-in"), {"username": "alice", "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("account")).status_code == 200


def application() -> dict[str, str]:
    """The tokens of an application of Alice's."""
    body = {"username": "alice", "password": PASSWORD}
    agent = {"user-agent": "tunes/1.2 (private detail)"}
    answer = Client().post("/api/v1/auth/token", body, content_type="application/json", headers=agent)
    tokens: dict[str, str] = answer.json()
    return tokens


def refreshed(tokens: dict[str, str]) -> Any:
    body = {"refresh": tokens["refresh"]}
    return Client().post("/api/v1/auth/token/refresh", body, content_type="application/json")


def me(tokens: dict[str, str]) -> int:
    return Client().get("/api/v1/me", headers={"authorization": f"Bearer {tokens['access']}"}).status_code


def place(device: str) -> int:
    return int(UserSession.objects.get(user_agent=device).pk)


def test_the_account_page_lists_sessions_and_applications_by_their_device(alice: User) -> None:
    here, _ = browser(CHROME), browser(FIREFOX)
    application()

    page = html(here.get(reverse("account")))

    listed = re.findall(r'<p class="b">([^<]+)</p> <p class="xs t3"> (This session|Last seen|Application)', page)
    assert listed[0] == ("Chrome on Linux", "This session")
    assert sorted(listed[1:]) == [("Firefox on Android", "Last seen"), ("tunes", "Application")]


def test_neither_the_user_agent_nor_an_address_is_kept(alice: User) -> None:
    browser(FIREFOX)
    application()

    kept = str(list(UserSession.objects.values()))

    assert not any(text in kept for text in ("Gecko", "private detail", "127.0.0.1"))


def test_a_session_is_ended_at_once_and_only_that_one(alice: User) -> None:
    here, phone, third = browser(CHROME), browser(FIREFOX), browser("Mozilla/5.0 (iPhone) Safari/604.1")
    assert is_in(phone)

    answer = here.post(reverse("session-end"), {"place": place("Firefox on Android")}, follow=True)

    assert "Signed out of Firefox on Android." in html(answer)
    assert (is_in(here), is_in(phone), is_in(third)) == (True, False, True)


def test_an_application_that_is_ended_stops_at_once_and_gets_no_more_tokens(alice: User) -> None:
    here, first, other = browser(CHROME), application(), application()
    UserSession.objects.order_by("-id")[:1].get().delete()  # the other one is not listed, and goes on
    tokens = refreshed(first).json()
    assert UserSession.objects.filter(user_agent="tunes").count() == 1, "a family of tokens is one place"

    here.post(reverse("session-end"), {"place": place("tunes")})

    assert refreshed(tokens).status_code == 401
    assert [me(each) for each in (first, tokens, other)] == [401, 401, 200]
    assert [each.device for each in accounts.places_of(alice)] == ["Chrome on Linux"]


def test_all_others_end_at_once_with_their_access_tokens(alice: User) -> None:
    here, phone, tokens = browser(CHROME), browser(FIREFOX), application()
    unlisted = visitor(alice)
    assert me(tokens) == 200

    here.post(reverse("other-sessions-end"))

    assert (is_in(here), is_in(phone), is_in(unlisted)) == (True, False, False)
    assert (me(tokens), refreshed(tokens).status_code) == (401, 401)
    assert [each.is_here for each in accounts.places_of(alice, here=here.session.session_key or "")] == [True]


def test_a_changed_password_leaves_this_session_alone_in_the_list(alice: User) -> None:
    here, phone = browser(CHROME), browser(FIREFOX)
    changed = {"old_password": PASSWORD, "new_password1": "words-of-another-kind"}

    here.post(reverse("password"), changed | {"new_password2": changed["new_password1"]})

    assert (is_in(here), is_in(phone)) == (True, False)
    assert UserSession.objects.filter(user=alice).count() == 1


def test_signing_out_and_deactivation_leave_no_place(alice: User) -> None:
    here, _ = browser(CHROME), application()
    here.post(reverse("sign-out"))
    assert [each.device for each in accounts.places_of(alice)] == ["tunes"]

    accounts.deactivate(alice.pk)

    assert not UserSession.objects.filter(user=alice).exists()


@pytest.mark.parametrize("named", ["theirs", "9999999999", "-1", "1.0", "", "\0", "99999999999999999999"])
def test_somebody_elses_session_is_no_place_of_mine(alice: User, named: str) -> None:
    phone, mallory = browser(FIREFOX), visitor(world.person("mallory"))
    token = fields(html(mallory.get(reverse("account"))), reverse("other-sessions-end"))
    place_id = str(place("Firefox on Android")) if named == "theirs" else named

    answer = mallory.post(reverse("session-end"), token | {"place": place_id})

    assert answer.status_code == 404
    assert is_in(phone)


def test_a_refresh_and_its_end_at_once_leave_no_token_that_works(alice: User) -> None:
    tokens = application()
    place_id = place("tunes")

    refreshing, _ = race(lambda: refreshed(tokens), lambda: accounts.end_place(user=alice, place_id=place_id))

    latest = refreshing.json() if refreshing.status_code == 200 else tokens
    assert refreshed(latest).status_code == 401
    assert accounts.places_of(alice) == []


def test_two_ends_at_once_end_it_once(alice: User) -> None:
    browser(FIREFOX)
    place_id = place("Firefox on Android")

    def end() -> str:
        try:
            return accounts.end_place(user=alice, place_id=place_id)
        except NotFound:
            return "not found"

    assert sorted(race(end, end)) == ["Firefox on Android", "not found"]


def test_last_seen_costs_a_statement_each_quarter_of_an_hour(alice: User) -> None:
    here = browser(CHROME)
    sessions._seen.clear()
    costs = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as run:
            here.get(reverse("account"))
        costs.append(sum("UPDATE" in each["sql"] for each in run))

    assert costs == [1, 0, 0]


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, "Firefox on Android"),
        (CHROME, "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/17 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) CriOS/130 Safari/604.1", "Chrome on iPhone"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("", "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
    ],
)
def test_a_device_is_coarse(agent: str, device: str) -> None:
    assert sessions.device_of(agent) == device
