"""What stops `migrate` and `check --database` before they touch a database."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, transaction

from core.checks import database_is_of_this_version

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("command", "options"), [("migrate", {"skip_checks": False}), ("check", {"databases": ["default"]})]
)
def test_a_database_of_an_earlier_version_is_refused(command: str, options: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET name = '0001_clock' WHERE app = 'core'")

        with pytest.raises(SystemCheckError, match="made by an earlier version"):
            call_command(command, verbosity=0, **options)
        transaction.set_rollback(True)


def test_a_new_database_and_one_of_this_version_are_not_refused() -> None:
    assert database_is_of_this_version(["default"]) == []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations")
        assert database_is_of_this_version(["default"]) == []
        transaction.set_rollback(True)
