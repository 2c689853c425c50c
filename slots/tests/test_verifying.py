"""The verifier has no findings in honest spins, and one for each kind of tampering."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import User
from core.ids import new_id
from slots import services
from slots.tests.factories import play, player

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    someone = player()
    for given in ("", "mine", None, "é", None):
        play(user=someone, bet=100, client_seed=given)
    return someone


@contextmanager
def unguarded() -> Iterator[None]:
    """As somebody with the database's superuser could: triggers off for one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield


def tamper(sql: str, *params: UUID | int) -> None:
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        assert cursor.rowcount == 1


def checks() -> set[str]:
    return {finding.check for finding in services.verify()}


def test_honest_spins_leave_nothing_to_find(user: User) -> None:
    play(user=player(), bet=100)
    services.fairness(user=player())

    assert services.verify() == []
    assert services.verify(user_id=user.id) == []
    assert services.verify(user_id=new_id()) == []


@pytest.mark.tampers
@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("payout = payout + 100, paid_total = paid_total + 100", {"DRAW", "TOTALS", "CHAIN"}),
        ("ticket = ticket + 1", {"DRAW", "CHAIN"}),
        ("symbols = '{diamond,diamond,diamond}'", {"DRAW", "CHAIN"}),
        ("client_seed = 'other'", {"DRAW", "CHAIN"}),
        ("client_nonce_drawn = NOT client_nonce_drawn", {"CHAIN"}),
        ("balance_after = balance_after + 1", {"CHAIN"}),
        ("at = at + interval '1 microsecond'", {"CHAIN"}),
        ("performer_id = user_id", {"CHAIN"}),
        ("paytable_id = user_id", {"DRAW", "CHAIN"}),
        ("staked_total = staked_total + 100", {"TOTALS", "CHAIN"}),
        ("chain = sha256('x')", {"CHAIN"}),
        ("seed = sha256('x')", {"COMMITMENT", "DRAW", "CHAIN"}),
        ("next_commitment = sha256('x')", {"COMMITMENT", "CHAIN"}),
    ],
)
def test_a_changed_spin_is_found(user: User, change: str, found: set[str]) -> None:
    tamper(f"UPDATE slots_spin SET {change} WHERE user_id = %s AND nonce = 2", user.id)  # noqa: S608  the cases above

    assert checks() == found


@pytest.mark.tampers
@pytest.mark.parametrize(
    ("nonce", "found"), [(0, {"GAP", "CHAIN", "TOTALS"}), (2, {"GAP", "CHAIN", "TOTALS", "COMMITMENT"})]
)
def test_a_missing_spin_is_found(user: User, nonce: int, found: set[str]) -> None:
    tamper("DELETE FROM slots_spin WHERE user_id = %s AND nonce = %s", user.id, nonce)

    assert checks() == found


@pytest.mark.tampers
def test_a_missing_last_spin_is_found(user: User) -> None:
    tamper("DELETE FROM slots_spin WHERE user_id = %s AND nonce = 4", user.id)

    assert checks() == {"STATE", "COMMITMENT"}


@pytest.mark.tampers
@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("paid_total = paid_total + 1", {"STATE"}),
        ("chain = sha256('x')", {"STATE"}),
        ("nonce = nonce - 1", {"STATE", "STRAY", "COMMITMENT", "SEAL"}),
        ("commitment = sha256('x')", {"COMMITMENT", "SEAL"}),
        ("sealed_seed = set_byte(sealed_seed, 20, (get_byte(sealed_seed, 20) + 1) %% 256)", {"SEAL"}),
    ],
)
def test_a_changed_slot_state_is_found(user: User, change: str, found: set[str]) -> None:
    tamper(f"UPDATE slots_slotstate SET {change} WHERE user_id = %s", user.id)  # noqa: S608  the cases above

    assert checks() == found


@pytest.mark.tampers
def test_a_seal_moved_from_another_user_is_found(user: User) -> None:
    other = player()
    services.fairness(user=other)

    tamper(
        "UPDATE slots_slotstate s SET sealed_seed = o.sealed_seed, commitment = o.commitment"
        " FROM slots_slotstate o WHERE s.user_id = %s AND o.user_id = %s",
        user.id,
        other.id,
    )

    assert checks() == {"SEAL", "COMMITMENT"}


def test_the_command_is_silent_about_nothing(user: User) -> None:
    output = StringIO()

    call_command("verify_spins", "--json", stdout=output)

    assert json.loads(output.getvalue()) == {"findings": []}


@pytest.mark.tampers
def test_the_command_fails_loudly(user: User) -> None:
    tamper("UPDATE slots_spin SET ticket = ticket + 1 WHERE user_id = %s AND nonce = 1", user.id)
    output = StringIO()

    with pytest.raises(CommandError, match="not the ones"):
        call_command("verify_spins", "--user", str(user.id), stdout=output)

    assert "DRAW" in output.getvalue()
    assert output.getvalue().endswith("findings\n")
