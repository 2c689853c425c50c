"""What the tables of accounts refuse, whoever writes."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from core.ids import new_id
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)

EXPORT = """
INSERT INTO accounts_export (id, user_id, state, size_bytes, ready_at, until)
VALUES (%(id)s, %(user)s, %(state)s, %(size)s, %(at)s, %(at)s)
"""
CODE = "INSERT INTO accounts_usedcode (id, user_id, step) VALUES (%(id)s, %(user)s, %(step)s)"


def run(sql: str, **params: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


def refused(sql: str, **params: Any) -> str:
    with pytest.raises(IntegrityError) as caught:
        run(sql, **params)
    cause: Any = caught.value.__cause__
    return str(cause.diag.constraint_name)


@pytest.fixture
def user() -> User:
    return person()


def test_an_address_belongs_to_one_account_in_any_case_until_it_is_erased(user: User) -> None:
    other = person()
    change = (
        "UPDATE accounts_user SET email = %(email)s, date_of_birth = NULL, erased_at = %(erased)s WHERE id = %(id)s"
    )
    run(change, id=user.pk, email="Alice@Example.org", erased=None)

    assert refused(change, id=other.pk, email="aLICE@example.ORG", erased=None) == "accounts_user_email_once"
    still = refused(change, id=user.pk, email="alice@example.org", erased="2026-01-01T00:00Z")
    assert still == "accounts_user_erased_is_empty"
    run(change, id=user.pk, email="", erased="2026-01-01T00:00Z")
    run(change, id=other.pk, email="alice@example.org", erased=None)


def test_a_code_is_used_once(user: User) -> None:
    run(CODE, id=new_id(), user=user.pk, step=1)
    run(CODE, id=new_id(), user=person().pk, step=1)

    assert refused(CODE, id=new_id(), user=user.pk, step=1) == "accounts_usedcode_once"


def test_an_export_is_ready_with_a_size_and_its_times_once_a_person(user: User) -> None:
    making = {"user": user.pk, "state": "making", "size": 0, "at": None}
    ready = {"user": user.pk, "state": "ready", "size": 1, "at": "2026-01-01T00:00Z"}
    run(EXPORT, id=new_id(), **making)
    run(EXPORT, id=new_id(), **ready)

    assert refused(EXPORT, id=new_id(), **making) == "accounts_export_one_at_a_time"
    assert refused(EXPORT, id=new_id(), **ready) == "accounts_export_one_file"
    for faulty in (ready | {"size": 0}, ready | {"at": None}, making | {"at": ready["at"]}):
        assert refused(EXPORT, id=new_id(), **faulty) == "accounts_export_states_are_whole"
