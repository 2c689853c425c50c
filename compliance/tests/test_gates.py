"""Who may pass which gate, in which order, and what is kept of a refusal."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from accounts.models import Role, User
from compliance import services
from compliance.calendar import birthday
from compliance.errors import GateRefused
from compliance.models import AgeCase, Break, Limit, PolicyVersion, Refusal
from compliance.services import Standing
from core.batches import run_statement
from core.clock import db_now
from core.errors import Refused
from core.ids import new_id
from tests import world
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


class TooFast(Refused):
    code = "SPIN_TOO_FAST"
    message = "Ready in a moment."


@pytest.fixture
def person() -> User:
    return world.person("alice")


def standing_in(user: User, region: str | None = "DEMO") -> Standing:
    found = services.standing(user.pk, region=region, currency="POINT")
    assert found is not None
    return found


def outcome(user: User, region: str | None = "DEMO", *, feature: str = "slots", enabled: bool = True) -> str:
    try:
        services.check(standing_in(user, region), feature=feature, enabled=enabled)
    except GateRefused as refused:
        return f"{refused.gate}: {refused.code} {refused.details or ''}".strip()
    return "passed"


def policy(region: str, **changes: Any) -> None:
    facts = {"slots": True, "wheel": True, "minimum_age": 18, "reason": "Law"} | changes
    number = (PolicyVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    PolicyVersion.objects.create(number=number, region=region, **facts)


def test_a_verified_user_who_accepted_the_terms_passes_in_one_statement(
    person: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert outcome(person) == "passed"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.USER])
def test_only_users_play_and_buy(role: Role) -> None:
    assert outcome(world.person(role=role)) == "role: ROLE_NOT_ALLOWED"


def test_nobody_has_no_standing() -> None:
    assert services.standing(new_id(), region="DEMO", currency="POINT") is None


def test_the_first_closed_gate_answers(person: User) -> None:
    """Everything is closed, and opened in the order of the gates."""
    User.objects.filter(pk=person.pk).update(role=Role.PERFORMER, verified_at=None, terms_version=0)
    answers = [outcome(person, "DRY", enabled=False)]
    User.objects.filter(pk=person.pk).update(role=Role.USER)
    answers += [outcome(person, "DRY", enabled=False), outcome(person, "DRY"), outcome(person, feature="menus")]
    User.objects.filter(pk=person.pk).update(verified_at=db_now())
    answers += [outcome(person, "DRY"), outcome(person), outcome(person, "DRY", feature="menus")]

    assert answers == [
        "role: ROLE_NOT_ALLOWED",
        "game_enabled: GAME_DISABLED",
        "age: AGE_VERIFICATION_REQUIRED",
        "age: AGE_VERIFICATION_REQUIRED",
        "jurisdiction: JURISDICTION_BLOCKED {'region': 'DRY', 'feature': 'slots'}",
        "terms: TERMS_NOT_ACCEPTED {'version': 1}",
        "terms: TERMS_NOT_ACCEPTED {'version': 1}",
    ]


def test_breaks_bar_games_until_the_latest_ends_and_nothing_else(person: User, clock: Clock) -> None:
    now = db_now()
    User.objects.filter(pk=person.pk).update(verified_at=None)
    for kind, days in (("time_out", 7), ("time_out", 1), ("exclusion", 2)):
        Break.objects.create(user=person, kind=kind, until=now + timedelta(days=days))

    refused = [caught(person)]
    clock.shift(days=2, minutes=1)
    refused.append(caught(person))
    assert (outcome(person, feature="menus"), outcome(person, feature="arcade")) == (
        "age: AGE_VERIFICATION_REQUIRED",
    ) * 2
    clock.shift(days=5)
    assert outcome(person) == "age: AGE_VERIFICATION_REQUIRED"
    Break.objects.create(user=person, kind="exclusion", until=None)
    Break.objects.create(user=person, kind="exclusion", until=now + timedelta(days=99))
    refused.append(caught(person))

    assert refused == [
        ("SELF_EXCLUDED", now + timedelta(days=2)),
        ("TIMED_OUT", now + timedelta(days=7)),
        ("SELF_EXCLUDED", None),
    ]


def caught(user: User) -> tuple[str, Any]:
    """Code and end of the break that bars this user."""
    with pytest.raises(GateRefused) as refused:
        services.check(standing_in(user), feature="wheel")
    return refused.value.code, refused.value.details["until"]


def test_the_region_may_ask_for_more_years(person: User, clock: Clock) -> None:
    today = db_now().date()
    policy("OLD", minimum_age=21)
    User.objects.filter(pk=person.pk).update(date_of_birth=birthday(today, -21) + timedelta(days=2))

    assert outcome(person) == "passed"
    assert (
        outcome(person, "OLD")
        == outcome(person, "OLD", feature="menus")
        == ("age: AGE_VERIFICATION_FAILED {'minimumAge': 21}")
    )
    clock.shift(days=2)
    assert outcome(person, "OLD") == "passed"


def test_an_unknown_date_of_birth_proves_eighteen_years_and_no_more(person: User) -> None:
    policy("OLD", minimum_age=21)
    User.objects.filter(pk=person.pk).update(date_of_birth=None)

    assert (outcome(person), outcome(person, "OLD")) == ("passed", "age: AGE_VERIFICATION_REQUIRED")


def test_a_rejected_age_is_failed(person: User) -> None:
    User.objects.filter(pk=person.pk).update(verified_at=None)
    AgeCase.objects.create(user=person, state="rejected", decided_at=db_now())

    assert outcome(person) == "age: AGE_VERIFICATION_FAILED {'minimumAge': 18}"


def test_the_newest_policy_of_the_region_decides_for_each_game(person: User) -> None:
    policy("HERE")
    policy("HERE", wheel=False)

    assert (outcome(person, "HERE"), outcome(person, "HERE", feature="menus")) == ("passed", "passed")
    assert outcome(person, "HERE", feature="wheel") == (
        "jurisdiction: JURISDICTION_BLOCKED {'region': 'HERE', 'feature': 'wheel'}"
    )
    for region in ("NOWHERE", None):
        assert outcome(person, region) == (
            f"jurisdiction: JURISDICTION_BLOCKED {{'region': {region!r}, 'feature': 'slots'}}"
        )
        assert outcome(person, region, feature="menus") == "passed"


def test_a_new_version_of_the_terms_must_be_accepted_again(person: User) -> None:
    assert outcome(person, feature="menus") == "passed"

    version = world.new_terms()

    assert outcome(person, feature="menus") == f"terms: TERMS_NOT_ACCEPTED {{'version': {version}}}"


def test_a_standing_has_the_users_own_limits_in_the_currency(person: User) -> None:
    for currency, window, amount in (("POINT", "24h", 500), ("POINT", "30d", 9_000), ("TOKEN", "7d", 7)):
        Limit.objects.create(user=person, currency=currency, window=window, amount=amount)

    points, tokens = (services.standing(person.pk, region=None, currency=each) for each in ("POINT", "TOKEN"))
    assert points is not None
    assert tokens is not None
    assert (points.day_limit, points.week_limit, points.month_limit) == (500, None, 9_000)
    assert (tokens.day_limit, tokens.week_limit, tokens.month_limit) == (None, 7, None)


def test_standings_come_in_the_order_asked_for() -> None:
    alice, bob = world.person("alice"), world.person("bob")
    asked = [(bob.pk, "DRY"), (new_id(), "DEMO"), (alice.pk, None), (bob.pk, "DEMO")]

    found = services.standings(run_statement(services.standing_of(asked, currency="POINT")))

    assert [each and (each.caller.id, each.region, each.slots) for each in found] == [
        (bob.pk, "DRY", False),
        None,
        (alice.pk, None, None),
        (bob.pk, "DEMO", True),
    ]


def test_a_refusal_is_recorded_with_its_gate_and_policy(person: User) -> None:
    User.objects.filter(pk=person.pk).update(verified_at=None)
    with pytest.raises(GateRefused) as refused:
        services.check(standing_in(person), feature="slots")

    with structlog.contextvars.bound_contextvars(request_id="request-1"):
        services.record_refusal(user_id=person.pk, feature="slots", refusal=refused.value, region="DRY")
        services.record_refusal(user_id=person.pk, feature="slots", refusal=TooFast(), region=None, gate="interval")

    kept = Refusal.objects.order_by("id").values_list(
        "user", "feature", "gate", "code", "policy_version", "region", "request_id"
    )
    assert list(kept) == [
        (person.pk, "slots", "age", "AGE_VERIFICATION_REQUIRED", "2", "DRY", "request-1"),
        (person.pk, "slots", "interval", "SPIN_TOO_FAST", "0", None, "request-1"),
    ]


def naive(user_id: UUID) -> None:
    Refusal.objects.create(user_id=user_id, feature="x" * 41, gate="g", code="c", policy_version="p")


def careful(user_id: UUID) -> None:
    services.record_refusal(user_id=user_id, feature="x" * 41, refusal=TooFast(), region="DEMO")


@pytest.mark.parametrize(("record", "raises"), [(careful, False), (naive, True)])
def test_a_record_that_cannot_be_written_is_given_up_and_breaks_nothing(
    person: User, record: Callable[[UUID], None], raises: bool
) -> None:
    broke = False
    try:
        with transaction.atomic():
            record(person.pk)
    except Exception:  # noqa: BLE001  the naive twin's is the database's
        broke = True

    assert broke is raises
    assert not Refusal.objects.exists()
    assert User.objects.filter(pk=person.pk).exists(), "the caller's connection still works"


@pytest.mark.parametrize("change", ["UPDATE compliance_refusal SET code = 'x'", "DELETE FROM compliance_refusal"])
def test_a_record_is_never_changed(person: User, change: str) -> None:
    services.record_refusal(user_id=person.pk, feature="slots", refusal=TooFast(), region="DEMO")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
