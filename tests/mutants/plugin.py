"""`-p tests.mutants.plugin` with `MUTANT=<name>`: break the product in this one way.

A module is broken when it is imported, which is after this plugin; the test database once it is migrated.
"""

import os
from typing import Any

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.kinds import Mutant
from tests.mutants.rewriting import install

DEFINITION = "SELECT pg_get_functiondef(oid) AS text FROM pg_proc WHERE proname = %s"


@pytest.fixture(scope="session", autouse=True)
def _mutated(request: pytest.FixtureRequest) -> None:
    mutant = named(os.environ["MUTANT"])
    if mutant.module:
        return
    request.getfixturevalue("django_db_setup")
    blocker: Any = request.getfixturevalue("django_db_blocker")
    with blocker.unblock():
        apply(mutant)


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


if (_chosen := os.environ.get("MUTANT")) and named(_chosen).module:
    install(named(_chosen))
