"""Who may pass which gate, in which order, and what is kept of a refusal."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import structlog
from django.db import IntegrityError, connection, transaction

from accounts.models import Role, User
from accounts.services import create_user
from compliance import services
from compliance.errors import GateRefused
from compliance.models import Refusal
from core.clock import db_now
from core.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)


class TooFast(Refused):
    code = "SPIN_TOO_FAST"
    message = "Ready in a moment."


@pytest.fixture
def person() -> User:
    return create_user(username="alice", verified=True, terms_version=1)


def outcome(user: User, **asked: Any) -> str:
    try:
        services.check(user, feature="slots", **asked)
    except GateRefused as refused:
        return f"{refused.gate}: {refused.code}"
    return "passed"


def test_a_verified_user_who_accepted_the_terms_passes_without_a_statement(
    person: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert outcome(person) == "passed"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.USER])
def test_only_users_play_and_buy(person: User, role: Role) -> None:
    person.role = role

    assert outcome(person) == "role: ROLE_NOT_ALLOWED"


def test_the_first_closed_gate_answers(person: User, settings: Any) -> None:
    settings.TERMS_VERSION = 2
    person.role, person.verified_at = Role.PERFORMER, None
    answers = [outcome(person, enabled=False)]
    person.role = Role.USER
    answers.append(outcome(person, enabled=False))
    answers.append(outcome(person))
    person.verified_at = db_now()
    answers.append(outcome(person))
    person.terms_version = 2
    answers.append(outcome(person))

    assert answers == [
        "role: ROLE_NOT_ALLOWED",
        "game_enabled: GAME_DISABLED",
        "age: AGE_VERIFICATION_REQUIRED",
        "terms: TERMS_NOT_ACCEPTED",
        "passed",
    ]


def test_a_new_version_of_the_terms_must_be_accepted_again(person: User, settings: Any) -> None:
    assert outcome(person) == "passed"

    settings.TERMS_VERSION = 2

    with pytest.raises(GateRefused) as refused:
        services.check(person, feature="menus")
    assert refused.value.details == {"currentVersion": 2}


def test_a_refusal_is_recorded_with_its_gate_and_policy(person: User) -> None:
    person.verified_at = None
    with pytest.raises(GateRefused) as refused:
        services.check(person, feature="slots")

    with structlog.contextvars.bound_contextvars(request_id="request-1"):
        services.record_refusal(user_id=person.pk, feature="slots", refusal=refused.value)
        services.record_refusal(user_id=person.pk, feature="slots", refusal=TooFast(), gate="interval")

    kept = Refusal.objects.order_by("id").values_list("user", "feature", "gate", "code", "policy_version", "request_id")
    assert list(kept) == [
        (person.pk, "slots", "age", "AGE_VERIFICATION_REQUIRED", "terms-1", "request-1"),
        (person.pk, "slots", "interval", "SPIN_TOO_FAST", "terms-1", "request-1"),
    ]


def naive(user_id: UUID) -> None:
    Refusal.objects.create(user_id=user_id, feature="x" * 41, gate="g", code="c", policy_version="p")


def careful(user_id: UUID) -> None:
    services.record_refusal(user_id=user_id, feature="x" * 41, refusal=TooFast())


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
    services.record_refusal(user_id=person.pk, feature="slots", refusal=TooFast())

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
