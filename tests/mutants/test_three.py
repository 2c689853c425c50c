"""Three mutants in each run: a comparison, a lock, a guard. All of them: `make mutants`."""

import os

import pytest
from django.db import connection, transaction

from tests import proofs
from tests.mutants.catalogue import MUTANTS
from tests.mutants.hunting import database, hunt, spare
from tests.mutants.plugin import apply, named

THREE = {
    "a hold of the last token is refused": "escrow/tests/ledger/test_holds.py",
    "a wallet is not locked": "tests/concurrency/test_gated.py",
    "operations need not balance": "escrow/tests/ledger/test_guards.py",
}


def url() -> str:
    facts = connection.settings_dict
    return f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"


@pytest.mark.parametrize("name", THREE)
def test_a_mutant_is_killed(name: str) -> None:
    found = hunt(named(name), database(url(), list(THREE).index(name)))

    assert found.killed_by.startswith(THREE[name]), found


def test_control_without_a_mutant_the_same_tests_pass() -> None:
    spare((THREE["operations need not balance"],), database(url(), 99))


@pytest.mark.django_db(transaction=True)
def test_every_mutant_can_be_made() -> None:
    for mutant in MUTANTS:
        with transaction.atomic():
            apply(mutant)
            transaction.set_rollback(True)


def test_every_mutant_was_killed_when_they_were_last_hunted() -> None:
    found = proofs.read("mutants")

    assert len(MUTANTS) >= 15
    assert set(found["by"]) == {mutant.name for mutant in MUTANTS}
    assert all(found["by"].values())
    assert found["commit"].isalnum(), "hunted on a tree that was not committed"
    assert os.environ.get("MUTANT") is None
