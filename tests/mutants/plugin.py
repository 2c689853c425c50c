"""`-p tests.mutants.plugin` with `MUTANT=<name>`: once the test database is migrated, break it in this one way."""

import os
from typing import Any

import pytest

from tests.mutants.catalogue import MUTANTS, Mutant

DEFINITION = "SELECT pg_get_functiondef(oid) AS text FROM pg_proc WHERE proname = %s"


@pytest.fixture(scope="session", autouse=True)
def _mutated(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        apply(named(os.environ["MUTANT"]))


def named(name: str) -> Mutant:
    (found,) = [mutant for mutant in MUTANTS if mutant.name == name]
    return found


def apply(mutant: Mutant) -> None:
    """Raises AssertionError: the text to be changed is not in the function, exactly once or more."""
    from django.db import connection

    with connection.cursor() as cursor:
        if mutant.function:
            cursor.execute(DEFINITION, [mutant.function])
            (text,) = cursor.fetchone()
            assert mutant.old in text, f"stale: {mutant.function} does not say {mutant.old!r}"
            cursor.execute(text.replace(mutant.old, mutant.new))
        else:
            cursor.execute(mutant.sql)
