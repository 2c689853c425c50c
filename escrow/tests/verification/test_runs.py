"""Runs of the verifier: incremental and full, findings are kept, wallets concerned are frozen."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import perfqueue.services
from accounts.models import User
from core.errors import ValidationFailed
from core.ids import first_id_at, new_id
from escrow import services
from escrow.errors import NotReversible, WalletFrozen
from escrow.models import Finding, Freeze, Operation, Verification, Wallet
from escrow.services import Close, Currency, Deposit, House, auditing
from escrow.services.invariants import CHECKS, RECENT
from escrow.services.verification import OVERLAP
from escrow.tests.factories import balances, finished, request, tampering, wallet
from perfqueue.services import verification as queue_checks
from tests import world
from tests.clock import Clock
from xxxchat import verification

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=1_000)


@pytest.fixture
def ruby(alice: User) -> User:
    ruby = world.performer("ruby")
    hold_id = finished(alice, ruby, 100, 61)
    services.close_many([Close("split", hold_id, 61, 39, fee_bps=1_000)])
    services.hold(request(alice, ruby, 50))
    return ruby


def tampered(sql: str, *values: int | UUID) -> None:
    with tampering(), connection.cursor() as cursor:
        cursor.execute(sql, values)


DAMAGES: dict[str, tuple[str, set[str]]] = {
    "a fee line changed": ("UPDATE escrow_entry SET d_available = 7 WHERE line = 3 AND operation_id = :split", {"V1"}),
    "an operation without entries": ("DELETE FROM escrow_entry WHERE operation_id = :split", {"V1", "V3", "V5"}),
    "entries without their operation": ("DELETE FROM escrow_operation WHERE key = 'split'", {"V1"}),
    "an operation of another kind": ("UPDATE escrow_operation SET kind = 'award' WHERE key = 'split'", {"V1", "V5"}),
    "money made in a wallet": ("UPDATE escrow_wallet SET available = available + 1 WHERE version > 2", {"V2"}),
    "an entry moved on": ("UPDATE escrow_entry SET version = 9 WHERE line = 1 AND operation_id = :split", {"V3"}),
    "an open hold gone": ("DELETE FROM escrow_hold WHERE status = 'HELD'", {"V4", "V5"}),
    "an open hold of more": ("UPDATE escrow_hold SET amount = 51 WHERE status = 'HELD'", {"V4", "V5"}),
    "a hold that paid more": (
        "UPDATE escrow_hold SET captured = 62, released = 38 WHERE status = 'SPLIT'",
        {"V5", "V8"},
    ),
    "a hold of another payee": (
        "UPDATE escrow_hold SET payee_id = NULL, payee_house = 'mint' WHERE status = 'SPLIT'",
        {"V5"},
    ),
    "an item that says more": ("UPDATE perfqueue_queueitem SET settle_tokens = 62, refund_tokens = 38", {"V8"}),
    "an item gone back in time": (
        "UPDATE perfqueue_queueitem SET state = 'created', settle_tokens = NULL, refund_tokens = NULL",
        {"V7", "V8"},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_incremental_run_finds_recent_damage_as_a_full_one_does(ruby: User, damage: str) -> None:
    sql, expected = DAMAGES[damage]
    since = datetime.now(UTC)
    assert verification.check(since=since).findings == []

    tampered(sql.replace(":split", "(SELECT id FROM escrow_operation WHERE key = 'split')"))

    recent, whole = verification.check(since=since).findings, verification.check().findings
    assert {each.check for each in recent} >= expected
    assert {(each.check, each.subject) for each in recent} <= {(each.check, each.subject) for each in whole}


def test_old_damage_is_found_by_the_full_run_only(ruby: User) -> None:
    tampered("UPDATE escrow_wallet SET available = available + 1 WHERE version > 2")

    assert verification.check(since=datetime.now(UTC) + timedelta(minutes=2)).findings == []
    assert len(verification.check().findings) == 1


def test_an_incremental_run_reads_no_table_of_the_ledger_from_end_to_end(ruby: User) -> None:
    """With sequential scans made dear, only what has no index would still be read so: moves of a demo's clock."""
    plans = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in [text.format(**RECENT) for text in CHECKS.values()] + [
            text.format(**queue_checks.RECENT) for text in queue_checks.CHECKS.values()
        ]:
            cursor.execute("EXPLAIN " + query, {"floor": first_id_at(datetime.now(UTC) - OVERLAP)})
            plans.append("\n".join(row[0] for row in cursor.fetchall()).replace("Seq Scan on core_clock_move", ""))

    assert [plan for plan in plans if "Seq Scan" in plan] == []


def test_runs_leave_no_gap_for_a_transaction_that_commits_late(alice: User) -> None:
    """Its id was made before the run began, its rows appear only after it: the overlap reaches back to them."""
    early = new_id()
    verification.run(full=False)
    tampered(
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind) VALUES (%s, 's', 'late', '', 'deposit')",
        early,
    )

    assert [(each.check, each.subject) for each in verification.run(full=False).findings] == [("V1", str(early))]
    run = Verification.objects.order_by("-id")[0]
    assert (run.is_full, run.findings, run.operations) == (False, 1, 2)


def test_a_violation_freezes_the_wallets_concerned_and_refunds_still_arrive(alice: User, ruby: User) -> None:
    item = world.buy(alice, ruby, 10)
    tampered("UPDATE escrow_wallet SET available = available + 1 WHERE id = %s", wallet(alice).pk)

    verification.run(full=True)

    assert {freeze.wallet_id for freeze in Freeze.objects.all()} == {wallet(alice).pk}
    with pytest.raises(WalletFrozen):
        services.hold(request(alice, ruby))
    with pytest.raises(WalletFrozen):
        services.deposit(Deposit("k", alice.pk, Currency.TOKEN, 5, House.MINT))
    before = balances(alice)[0]
    perfqueue.services.leave(item_id=item.pk, actor=alice)
    assert balances(alice)[0] == before + 10


def test_a_finding_about_a_hold_freezes_both_its_sides(alice: User, ruby: User) -> None:
    tampered("UPDATE escrow_hold SET captured = 62, released = 38 WHERE status = 'SPLIT'")

    verification.run(full=True)

    assert {freeze.wallet.owner_id for freeze in Freeze.objects.select_related("wallet")} == {alice.pk, ruby.pk}


def test_wallets_of_many_findings_are_locked_at_once_in_the_order_of_all_locks() -> None:
    """Findings come in the order of the checks; a lock for each in turn would cross a settlement's."""
    owners = [world.person(tokens=10) for _ in range(4)]
    tampered("UPDATE escrow_wallet SET available = available + 1 WHERE currency = 'TOKEN'")

    with CaptureQueriesContext(connection) as run:
        verification.run(full=True)

    locks = [each["sql"] for each in run if "escrow_wallet" in each["sql"] and "FOR NO KEY UPDATE" in each["sql"]]
    assert len(locks) == 1
    assert 'ORDER BY "escrow_wallet"."id"' in locks[0]
    assert {freeze.wallet.owner_id for freeze in Freeze.objects.select_related("wallet")} == {who.pk for who in owners}


def test_a_late_sweeper_is_a_finding_that_freezes_no_wallet(alice: User, clock: Clock) -> None:
    services.hold(request(alice))
    clock.shift(seconds=361)

    report = verification.run(full=False)

    assert [each.check for each in report.findings] == ["V7"]
    assert Freeze.objects.count() == 0
    perfqueue.services.sweep("test")
    verification.run(full=False)
    assert Finding.objects.get().cleared_at is not None


def test_a_finding_is_one_row_until_a_full_run_no_longer_sees_it(alice: User) -> None:
    change = "UPDATE escrow_wallet SET available = available + %s WHERE id = %s"
    tampered(change, 1, wallet(alice).pk)
    for _ in range(3):
        verification.run(full=True)
    row = Finding.objects.get()
    assert (row.check_name, row.subject, row.cleared_at) == ("V2", str(wallet(alice).pk), None)
    assert Freeze.objects.count() == 1

    tampered(change, -1, wallet(alice).pk)
    verification.run(full=False)
    assert Finding.objects.get().cleared_at is None
    verification.run(full=True)
    assert Finding.objects.get().cleared_at is not None
    assert wallet(alice).status == "frozen"


def test_staff_thaw_a_wallet_with_a_reason(alice: User) -> None:
    finance, found = world.staff("finance"), wallet(alice)
    auditing.freeze(wallet_id=found.pk, actor_id=finance.pk, reason="a phone call")

    with pytest.raises(ValidationFailed):
        auditing.thaw(wallet_id=found.pk, actor_id=finance.pk, reason=" ")
    auditing.thaw(wallet_id=found.pk, actor_id=finance.pk, reason="checked")

    row = Freeze.objects.get()
    assert (row.thawed_by, row.thaw_reason, Wallet.objects.get(pk=found.pk).status) == (
        finance.pk,
        "checked",
        "active",
    )
    services.hold(request(alice))


@pytest.mark.parametrize("change", [auditing.freeze, auditing.thaw])
def test_a_frozen_wallet_is_not_frozen_again_nor_an_active_one_thawed(alice: User, change: Callable[..., None]) -> None:
    if change is auditing.freeze:
        auditing.freeze(wallet_id=wallet(alice).pk, actor_id=alice.pk, reason="first")

    with pytest.raises(NotReversible):
        change(wallet_id=wallet(alice).pk, actor_id=alice.pk, reason="again")


def test_a_run_writes_nothing_but_its_record(ruby: User) -> None:
    before = Operation.objects.count()

    verification.run(full=True)

    assert (Operation.objects.count(), Freeze.objects.count(), Finding.objects.count()) == (before, 0, 0)
    assert Verification.objects.get().operations == before
