"""Spending limits through the API: what holds at once, what waits, what lapses, and what is used."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from compliance.models import LimitChange
from core.clock import db_now
from escrow.services import Close, close_many, hold
from escrow.tests.factories import finished, request
from slots.tests.factories import play
from tests.clock import Clock
from tests.racing import race
from tests.world import client_of, performer, person

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/limits"


@pytest.fixture
def alice() -> User:
    return person("alice", tokens=1_000, points=100_000)


def seen(user: User) -> Any:
    answer = client_of(user).get(PATH)
    assert answer.status_code == 200, answer.content
    return answer.json()


def put(user: User, limit: int | None, window: str = "24h", currency: str = "POINT") -> Any:
    body = {"currency": currency, "window": window, "limit": limit}
    return client_of(user).put(PATH, body, format="json")


def confirm(user: User, window: str = "24h", currency: str = "POINT") -> Any:
    return client_of(user).post(f"{PATH}/confirm", {"currency": currency, "window": window}, format="json")


def row(answer: Any, window: str = "24h", currency: str = "POINT") -> dict[str, Any]:
    (found,) = [each for each in answer["limits"] if (each["currency"], each["window"]) == (currency, window)]
    return dict(found)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def steps(user: User) -> list[tuple[str, int | None, int | None]]:
    return [(each.kind, each.old, each.new) for each in LimitChange.objects.filter(user=user).order_by("id")]


def test_before_anything_is_set_only_the_operators_caps_apply(alice: User) -> None:
    answer = seen(alice)

    facts = [(each["currency"], each["window"], each["limit"], each["operatorCap"]) for each in answer["limits"]]
    assert facts == [
        ("POINT", "24h", None, 10_000),
        ("POINT", "7d", None, 40_000),
        ("POINT", "30d", None, 120_000),
        ("TOKEN", "24h", None, None),
        ("TOKEN", "7d", None, None),
        ("TOKEN", "30d", None, None),
    ]
    assert row(answer) | {"used": 0, "left": 10_000, "pending": None} == row(answer)
    assert row(answer, currency="TOKEN")["left"] is None
    assert answer["presets"] == {"24h": 2_500, "7d": 10_000, "30d": 30_000}
    assert (answer["timeOut"], answer["selfExclusion"]) == (None, None)
    assert answer["realityCheck"] == {"everyMinutes": 30, "dueAt": None}


def test_a_first_and_a_lower_limit_hold_at_once(alice: User) -> None:
    first, lower = put(alice, 2_500), put(alice, 100)

    assert [row(each.json())["limit"] for each in (first, lower)] == [2_500, 100]
    assert row(lower.json())["pending"] is None
    assert steps(alice) == [("set", None, 2_500), ("set", 2_500, 100)]


@pytest.mark.parametrize("looser", [3_000, None])
def test_a_higher_one_or_none_waits_a_day_and_is_then_confirmed(alice: User, clock: Clock, looser: int | None) -> None:
    put(alice, 2_500)
    answer = row(put(alice, looser).json())
    effective = datetime.fromisoformat(answer["pending"]["effectiveAt"])

    assert (answer["limit"], answer["pending"]["limit"]) == (2_500, looser)
    assert datetime.fromisoformat(answer["pending"]["confirmBy"]) == effective + timedelta(days=7)

    clock.shift(seconds=(effective - db_now()).total_seconds() - 60)
    early = confirm(alice)
    assert code(early) == (409, "LIMIT_PENDING")
    assert datetime.fromisoformat(early.json()["error"]["details"]["effectiveAt"]) == effective
    assert row(seen(alice))["limit"] == 2_500

    clock.shift(seconds=60)
    assert row(confirm(alice).json()) | {"limit": looser, "pending": None} == row(seen(alice))
    assert code(confirm(alice)) == (404, "NOT_FOUND")
    assert steps(alice)[1:] == [("asked", 2_500, looser), ("confirmed", 2_500, looser)]


def test_what_nobody_confirms_within_a_week_lapses(alice: User, clock: Clock) -> None:
    put(alice, 2_500)
    put(alice, 3_000)
    clock.shift(days=8, seconds=1)

    assert row(seen(alice)) | {"limit": 2_500, "pending": None} == row(seen(alice))
    assert code(confirm(alice)) == (404, "NOT_FOUND")
    assert row(put(alice, 3_000).json())["pending"]["limit"] == 3_000
    assert steps(alice)[2:] == [("lapsed", 2_500, 3_000), ("asked", 2_500, 3_000)]


def test_the_present_limit_drops_what_waits_and_a_lower_one_does_too(alice: User) -> None:
    put(alice, 2_500)
    put(alice, 3_000)
    assert row(put(alice, 2_500).json())["pending"] is None
    put(alice, 3_000)
    assert row(put(alice, 2_000).json()) | {"limit": 2_000, "pending": None} == row(seen(alice))

    assert [step for step, *_ in steps(alice)] == ["set", "asked", "dropped", "asked", "dropped", "set"]


def test_asking_again_for_what_waits_does_not_begin_the_day_anew(alice: User, clock: Clock) -> None:
    put(alice, 2_500)
    first = row(put(alice, 3_000).json())["pending"]
    clock.shift(hours=23)

    assert row(put(alice, 3_000).json())["pending"] == first
    assert row(put(alice, 3_500).json())["pending"]["effectiveAt"] > first["effectiveAt"]


def test_a_limit_above_the_operators_is_refused_also_when_it_is_confirmed(
    alice: User, clock: Clock, settings: Any
) -> None:
    high = put(alice, 10_001)
    assert code(high) == (422, "LIMIT_TOO_HIGH")
    assert high.json()["error"]["details"] == {"operatorCap": 10_000}

    put(alice, 2_500)
    put(alice, 10_000)
    clock.shift(hours=25)
    settings.LIMIT_CAPS_POINT = (9_000, 40_000, 120_000)

    assert code(confirm(alice)) == (422, "LIMIT_TOO_HIGH")
    assert row(seen(alice))["limit"] == 2_500


def test_what_is_held_or_settled_is_used_and_what_is_refunded_is_not(alice: User, clock: Clock) -> None:
    ruby = performer()
    put(alice, 500, currency="TOKEN")
    close_many([Close("k", finished(alice, ruby, 100, 61), 61, 39)])
    hold(request(alice, ruby, 40))
    play(user=alice)
    clock.shift(seconds=3)
    play(user=alice)

    answer = seen(alice)
    assert row(answer, currency="TOKEN") | {"used": 101, "left": 399} == row(answer, currency="TOKEN")
    assert [row(answer, window)["used"] for window in ("24h", "7d", "30d")] == [200, 200, 200]
    assert answer["realityCheck"]["dueAt"] is not None

    clock.shift(hours=24)
    later = seen(alice)
    assert [row(later, window)["used"] for window in ("24h", "7d", "30d")] == [0, 200, 200]
    assert row(later, currency="TOKEN")["used"] == 0
    assert later["realityCheck"]["dueAt"] is None


def test_only_users_have_limits() -> None:
    ruby = performer()

    assert code(client_of(ruby).get(PATH)) == (403, "ROLE_NOT_ALLOWED")
    assert code(put(ruby, 100)) == code(confirm(person(role=Role.SUPPORT))) == (403, "ROLE_NOT_ALLOWED")


def test_limits_cost_as_many_statements_however_much_is_set(alice: User) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            seen(alice)
        counts.append(len(captured))
        put(alice, 2_500)

    assert counts[0] == counts[1] <= 7


def test_two_confirmations_at_once_are_one(alice: User, clock: Clock) -> None:
    put(alice, 2_500)
    put(alice, 3_000)
    clock.shift(hours=25)

    codes = sorted(each.status_code for each in race(*[lambda: confirm(alice)] * 4))
    assert codes == [200, 404, 404, 404]
    assert [step for step, *_ in steps(alice)] == ["set", "asked", "confirmed"]
