"""`migrate` names the grant that it needs, before it changes anything."""

import pytest
from django.db import connection, transaction

from escrow.checks import owner_may_set_the_guards_setting

pytestmark = pytest.mark.django_db(transaction=True)


def found(*, schema: bool, parameter: bool) -> list[str]:
    """What the check finds for a role with these privileges; the role is rolled back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE checked")
        if schema:
            cursor.execute("GRANT CREATE ON SCHEMA public TO checked")
        if parameter:
            cursor.execute("GRANT SET ON PARAMETER escrow.writing TO checked")
        cursor.execute("SET LOCAL ROLE checked")
        errors = owner_may_set_the_guards_setting(["default"])
        transaction.set_rollback(True)
    return [f"{error.id} {error.hint}" for error in errors]


def test_an_owner_without_the_grant_gets_it_named() -> None:
    assert found(schema=True, parameter=False) == [
        "escrow.E001 As a superuser: GRANT SET ON PARAMETER escrow.writing TO checked"
    ]


@pytest.mark.parametrize(("schema", "parameter"), [(True, True), (False, False)])
def test_an_owner_with_it_and_a_role_that_owns_nothing_pass(schema: bool, parameter: bool) -> None:
    assert found(schema=schema, parameter=parameter) == []


def test_a_superuser_passes_and_no_database_is_asked_unless_named() -> None:
    assert owner_may_set_the_guards_setting(["default"]) == []
    assert owner_may_set_the_guards_setting(None) == []
