"""Time-outs and exclusions: they begin at once, a shorter one shortens nothing, and an e-mail carries them on."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from compliance.calendar import months_after
from compliance.models import Break, InheritedExclusion
from compliance.services.signing_up import email_hash
from core.clock import db_now
from slots.tests.factories import post_spin
from tests.clock import Clock
from tests.world import client_of, performer, person

pytestmark = pytest.mark.django_db(transaction=True)

NEAR = timedelta(minutes=5)


@pytest.fixture
def alice() -> User:
    return person("alice", points=100_000)


def spin(user: User) -> Any:
    return post_spin(client_of(user))


def ask(user: User, path: str, duration: str) -> Any:
    answer = client_of(user).post(f"/api/v1/{path}", {"duration": duration}, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def until(answer: Any) -> datetime:
    return datetime.fromisoformat(answer["until"])


@pytest.mark.parametrize(("duration", "hours"), [("24h", 24), ("7d", 168), ("30d", 720), ("42d", 1008)])
def test_a_time_out_lasts_its_hours_and_ends(alice: User, clock: Clock, duration: str, hours: int) -> None:
    end = until(ask(alice, "time-out", duration))
    refused = spin(alice)

    assert abs(end - db_now() - timedelta(hours=hours)) < NEAR
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "TIMED_OUT")
    assert datetime.fromisoformat(refused.json()["error"]["details"]["until"]) == end

    clock.shift(hours=hours)
    assert spin(alice).status_code == 200


@pytest.mark.parametrize(("duration", "months"), [("6m", 6), ("12m", 12), ("5y", 60)])
def test_an_exclusion_lasts_calendar_months(alice: User, duration: str, months: int) -> None:
    end = until(ask(alice, "self-exclusion", duration))
    refused = spin(alice)

    assert abs(end - months_after(db_now(), months)) < NEAR
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "SELF_EXCLUDED")


def test_for_good_has_no_end_and_nothing_shortens_it(alice: User) -> None:
    assert ask(alice, "self-exclusion", "forGood") == {"until": None}
    assert ask(alice, "self-exclusion", "6m") == {"until": None}

    assert spin(alice).json()["error"]["details"] == {"until": None}
    assert client_of(alice).get("/api/v1/limits").json()["selfExclusion"] == {"until": None}
    assert Break.objects.count() == 1


@pytest.mark.parametrize(("path", "long", "short"), [("time-out", "42d", "24h"), ("self-exclusion", "12m", "6m")])
def test_a_shorter_one_never_shortens_and_a_longer_one_lengthens(alice: User, path: str, long: str, short: str) -> None:
    first = until(ask(alice, path, short))
    longer = until(ask(alice, path, long))

    assert longer > first
    assert until(ask(alice, path, short)) == longer
    assert Break.objects.filter(user=alice).count() == 2


def test_an_exclusion_is_carried_by_the_address_which_cannot_be_read(alice: User) -> None:
    alice.email = " Alice@Example.org"
    alice.save()
    ask(alice, "time-out", "24h")
    assert not InheritedExclusion.objects.exists()

    end = until(ask(alice, "self-exclusion", "6m"))
    kept = InheritedExclusion.objects.get()
    assert (bytes(kept.email_hash), kept.until) == (email_hash("alice@example.ORG"), end)

    ask(alice, "self-exclusion", "forGood")
    ask(alice, "self-exclusion", "5y")
    assert InheritedExclusion.objects.get().until is None


def test_breaks_show_in_the_limits_and_are_for_users_only(alice: User) -> None:
    end = ask(alice, "time-out", "7d")

    assert client_of(alice).get("/api/v1/limits").json()["timeOut"] == end
    refused = client_of(performer()).post("/api/v1/time-out", {"duration": "24h"}, format="json")
    assert refused.json()["error"]["code"] == "ROLE_NOT_ALLOWED"


def test_the_number_of_statements(alice: User) -> None:
    ask(alice, "self-exclusion", "6m")
    with CaptureQueriesContext(connection) as captured:
        ask(alice, "self-exclusion", "12m")

    sent = [query["sql"] for query in captured.captured_queries if query["sql"] not in ("BEGIN", "COMMIT")]
    assert len(sent) <= 6
