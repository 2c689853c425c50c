"""The role that runs the product can write the ledger only by its functions."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

import slots.services
from core.clock import db_now
from core.db import rows
from escrow import services
from escrow.models import Entry
from escrow.services import adjustments
from escrow.tests.factories import balances, request
from tests import world
from xxxchat.guarding import AS_OWNER, guard

pytestmark = pytest.mark.django_db(transaction=True)

ROLE = "guarded"
DENIED = {
    "edit a balance": "UPDATE escrow_wallet SET available = available + 5",
    "book an entry": "INSERT INTO escrow_entry (operation_id, line, currency, house) SELECT id, 9, 'TOKEN', 'mint'"
    " FROM escrow_operation",
    "invent an operation": "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind) VALUES"
    " (gen_random_uuid(), 's', 'k', '', 'deposit')",
    "settle a hold": "UPDATE escrow_hold SET status = 'SETTLED'",
    "approve a payout": "UPDATE escrow_payout SET status = 'approved'",
    "delete an entry": "DELETE FROM escrow_entry",
    "empty the ledger": "TRUNCATE escrow_entry",
    "switch the triggers off": "ALTER TABLE escrow_entry DISABLE TRIGGER ALL",
    "be a replica": "SET LOCAL session_replication_role = replica",
    "make a function of that name": "CREATE FUNCTION escrow_claim(what text) RETURNS void LANGUAGE sql AS 'SELECT 1'",
    "replace a guard": "CREATE OR REPLACE FUNCTION escrow_inside() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "book without a function of the ledger": "SELECT escrow_book(gen_random_uuid(), id, 5, 0, 0, 'mint', core_now())"
    " FROM escrow_wallet LIMIT 1",
    "set the flag of the ledger's functions": "SET LOCAL escrow.writing = 'on'; UPDATE escrow_wallet SET available = 5",
    "drop the ledger": "DROP TABLE escrow_entry CASCADE",
    "forge a migration": "DELETE FROM django_migrations",
}


@pytest.fixture
def guarded(transactional_db: None) -> Iterator[None]:
    """Everything of the test runs in one transaction as the guarded role; it is rolled back, the role with it."""
    name = f"{ROLE}_{connection.settings_dict['NAME']}"  # roles belong to the server, and tests run side by side
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{name}"')
        guard(name)
        cursor.execute(f'SET LOCAL ROLE "{name}"')
        yield
        transaction.set_rollback(True)


def test_money_moves_and_partitions_are_made_by_the_guarded_role(guarded: None) -> None:
    buyer, performer = world.person(tokens=100, points=100), world.performer()
    opened = services.hold(request(buyer, performer, 30))
    (done,) = adjustments.chargeback_many([adjustments.Reversal(_deposit_of(buyer.pk))])

    assert (opened.available, done.taken, done.owed) == (70, 70, 30)
    assert balances(buyer) == (0, 30, 0, 30)
    assert slots.services.make_partitions() == 0


def test_a_batch_is_written_by_the_guarded_role(guarded: None) -> None:
    buyer, performer = world.person(tokens=100), world.performer()
    (row,) = services.lock_wallets(rows, [buyer.pk], currency=services.Currency.TOKEN, wait=False)
    opening = services.Opening(wallet=services.LockedWallet(**row), hold=request(buyer, performer, 30))

    assert services.open_holds(rows, [opening], at=db_now()) == [{"escrow_open": 1}]
    assert balances(buyer) == (70, 30, 0, 0)


def test_the_guarded_role_has_the_owners_time_limits(guarded: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
                       " JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()")  # fmt: skip
        limits = {name: set(config) for name, config in cursor.fetchall()}

    (ours,) = [found for name, found in limits.items() if name.startswith(ROLE)]
    assert ours >= {"lock_timeout=3s", "statement_timeout=10s", "idle_in_transaction_session_timeout=10s"}


@pytest.mark.parametrize("attempt", DENIED)
def test_the_guarded_role_cannot(guarded: None, attempt: str) -> None:
    buyer = world.person(tokens=100)

    denied = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
    with denied, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DENIED[attempt])
    assert balances(buyer) == (100, 0, 0, 0)


def test_a_temporary_table_is_not_taken_for_the_real_one(guarded: None) -> None:
    world.person(tokens=100)

    refused = pytest.raises(IntegrityError, match="is frozen by an open freeze")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE escrow_wallet (id uuid, status text)")
        cursor.execute("UPDATE public.escrow_wallet SET status = 'frozen'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_every_function_that_may_write_the_ledger_runs_as_its_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE 'escrow.writing=on' = ANY (proconfig)")
        names = {name for (name,) in cursor.fetchall()}

    partitions = {"slots_make_partitions", "slots_detachable", "slots_detach_partition"}
    assert names == set(AS_OWNER) - partitions - {"escrow_freeze_agrees"}


def _deposit_of(owner_id: UUID) -> UUID:
    found: UUID = Entry.objects.get(wallet__owner_id=owner_id, currency="TOKEN", operation__kind="deposit").operation_id
    return found
