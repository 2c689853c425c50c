"""Four mutants in each run: a comparison, a lock, a guard, a line of Python. All of them: `make mutants`."""

import os

import pytest
from django.db import connection, transaction

from tests import proofs
from tests.mutants.catalogue import MUTANTS
from tests.mutants.hunting import database, hunt, spare
from tests.mutants.kinds import rewritten
from tests.mutants.plugin import apply, named
from tests.mutants.rewriting import text_of

FOUR = {
    "a hold of the last token is refused": "escrow/tests/ledger/test_holds.py",
    "a wallet is not locked": "tests/concurrency/test_gated.py",
    "operations need not balance": "escrow/tests/ledger/test_guards.py",
    "words that favour low tickets are drawn": "slots/tests/test_draw.py",
}


def url() -> str:
    facts = connection.settings_dict
    return f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"


@pytest.mark.parametrize("name", FOUR)
def test_a_mutant_is_killed(name: str) -> None:
    found = hunt(named(name), database(url(), list(FOUR).index(name)))

    assert found.killed_by.startswith(FOUR[name]), found


def test_control_without_a_mutant_the_same_tests_pass() -> None:
    spare((FOUR["operations need not balance"],), database(url(), 99))


@pytest.mark.django_db(transaction=True)
def test_every_mutant_can_be_made() -> None:
    for mutant in MUTANTS:
        if mutant.module:
            compile(text_of(mutant), mutant.module, "exec")
            continue
        with transaction.atomic():
            apply(mutant)
            transaction.set_rollback(True)


def test_a_text_that_is_not_in_a_module_is_no_mutant() -> None:
    with pytest.raises(AssertionError, match=r"stale: slots\.draw"):
        text_of(rewritten("a fault of last year", "slots.draw", "random.randrange", "0", ()))


def test_a_mutant_has_a_name_of_its_own_and_is_of_one_kind() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(len([each for each in (m.function, m.module, m.sql) if each]) == 1 for m in MUTANTS)


def test_every_mutant_was_killed_when_they_were_last_hunted() -> None:
    found = proofs.read("mutants")

    assert len(MUTANTS) >= 15
    assert set(found["by"]) == {mutant.name for mutant in MUTANTS}
    assert all(found["by"].values())
    assert found["commit"].isalnum(), "hunted on a tree that was not committed"
    assert os.environ.get("MUTANT") is None
