"""V1–V6 each find what was changed with the guards switched off."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from accounts.models import User
from core.clock import db_now
from core.models import ClockMove
from escrow import services
from escrow.models import Entry, Operation, Order, TokenPackage, Wallet
from escrow.services import Close, auditing, payments
from escrow.tests.factories import finished, request, tampering, wallet
from tests.clock import Clock
from tests.world import performer, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]


@dataclass(frozen=True)
class Books:
    """A buyer with three entries in TOKEN: deposit, hold, split; and one hold that is still open."""

    alice: User
    ruby: User
    wallet: UUID
    hold: UUID
    split: UUID
    operation: UUID
    entry: int


@pytest.fixture
def books() -> Books:
    alice, ruby = person(tokens=1_000), performer()
    split = finished(alice, ruby, 100, 61)
    services.close_many([Close("split", split, 61, 39, fee_bps=1000)])
    hold = services.hold(request(alice, ruby, 50)).hold_id
    assert services.verify() == []
    operation = Operation.objects.get(key="split").pk
    entry = Entry.objects.get(operation=operation, line=1).pk
    return Books(alice, ruby, wallet(alice).pk, hold, split, operation, entry)


Tampering = tuple[str, Callable[[Books], UUID | int], set[str]]
TAMPERINGS: dict[str, Tampering] = {
    "a fee line changed": (
        "UPDATE escrow_entry SET d_available = 7 WHERE operation_id = %s AND line = 3",
        lambda books: books.operation,
        {"V1", "V6"},
    ),
    "a house line gone": (
        "DELETE FROM escrow_entry WHERE operation_id = %s AND line = 3",
        lambda books: books.operation,
        {"V1", "V6"},
    ),
    "an operation without entries": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind) VALUES (%s, 's', 'k', '', 'deposit')",
        lambda books: books.hold,
        {"V1"},
    ),
    "money made in a wallet": (
        "UPDATE escrow_wallet SET available = available + 1 WHERE id = %s",
        lambda books: books.wallet,
        {"V2"},
    ),
    "a wallet one version ahead": (
        "UPDATE escrow_wallet SET version = version + 1 WHERE id = %s",
        lambda books: books.wallet,
        {"V2"},
    ),
    "held made in a wallet": (
        "UPDATE escrow_wallet SET held = held + 1 WHERE id = %s",
        lambda books: books.wallet,
        {"V2", "V4"},
    ),
    "a balance after that does not follow": (
        "UPDATE escrow_entry SET available_after = available_after + 1 WHERE id = %s",
        lambda books: books.entry,
        {"V3"},
    ),
    "a version skipped": (
        "UPDATE escrow_entry SET version = 99 WHERE id = %s",
        lambda books: books.entry,
        {"V2", "V3"},
    ),
    "an entry gone": (
        "DELETE FROM escrow_entry WHERE id = %s",
        lambda books: books.entry,
        {"V1", "V3", "V5", "V6"},
    ),
    "an open hold called expired": (
        "UPDATE escrow_hold SET status = 'EXPIRED', released = amount, closed_at = core_now() WHERE id = %s",
        lambda books: books.hold,
        {"V4", "V5"},
    ),
    "an open hold of another amount": (
        "UPDATE escrow_hold SET amount = amount + 1 WHERE id = %s",
        lambda books: books.hold,
        {"V4", "V5"},
    ),
    "a split of other parts": (
        "UPDATE escrow_hold SET captured = captured - 1, released = released + 1 WHERE id = %s",
        lambda books: books.split,
        {"V5"},
    ),
    "a whole balanced operation of one's own": (
        "WITH o AS (INSERT INTO escrow_operation (id, scope, key, fingerprint, kind)"
        " VALUES (%s, 's', 'k', '', 'deposit') RETURNING id)"
        " INSERT INTO escrow_entry (operation_id, line, house, currency, d_available)"
        " SELECT id, 1, 'mint', 'TOKEN', -5 FROM o UNION ALL SELECT id, 2, 'mint', 'POINT', 5 FROM o",
        lambda books: books.split,
        {"V1", "V6"},
    ),
}


ORDER_TAMPERINGS = (
    "UPDATE escrow_order SET status = 'paid', chargeback_id = NULL, charged_back_at = NULL",
    "UPDATE escrow_order SET chargeback_id = (SELECT id FROM escrow_operation WHERE kind = 'hold' LIMIT 1)",
    "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id)"
    " SELECT gen_random_uuid(), 's', 'k', '', 'reverse', chargeback_id FROM escrow_order",
)


@pytest.mark.parametrize("sql", ORDER_TAMPERINGS)
@pytest.mark.parametrize("recent", [True, False])
def test_an_order_that_its_operations_do_not_tell_is_found(books: Books, sql: str, recent: bool) -> None:
    since = db_now() if recent else None
    services.make_packages([services.Offer("Pocket", 500, 499)])
    package = TokenPackage.objects.get()
    for kind in (payments.PAID, payments.CHARGEBACK):
        payments.receive(payments.ProviderEvent(kind, kind, "o-1", books.alice.pk, package.pk, 500))
    assert services.verify(since=since) == []

    with tampering(), connection.cursor() as cursor:
        cursor.execute(sql)

    order = str(Order.objects.get().pk)
    findings = [each for each in services.verify(since=since) if each.subject == order]
    assert {each.check for each in findings} == {"V5"}
    auditing.record_run(since=since, started_at=db_now(), finished_at=db_now(), operations=0, findings=findings)
    assert Wallet.objects.get(pk=books.wallet).status == "frozen"


@pytest.mark.parametrize("tampering_named", TAMPERINGS)
def test_a_tampering_is_found(books: Books, tampering_named: str) -> None:
    sql, subject, found_by = TAMPERINGS[tampering_named]

    with tampering(), connection.cursor() as cursor:
        cursor.execute(sql, [subject(books)])
        assert cursor.rowcount > 0

    assert {finding.check for finding in services.verify()} == found_by


def test_a_finding_names_the_row_and_what_is_wrong(books: Books) -> None:
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = available + 1 WHERE id = %s", [books.wallet])

    (finding,) = services.verify()

    assert finding.subject == str(books.wallet)
    assert "wallet 890/50/0/0 v4, last entry 889/50/0/0 v4" in finding.problem


def test_verifying_needs_no_time_limit_and_writes_nothing(books: Books) -> None:
    before = Entry.objects.count(), Operation.objects.count()

    assert services.verify() == []

    assert (Entry.objects.count(), Operation.objects.count()) == before


def test_times_run_back_only_across_a_move_of_the_clock(clock: Clock) -> None:
    clock.shift(days=1)
    alice, ruby = person(tokens=100), performer()
    clock.reset()
    between = db_now()
    services.hold(request(alice, ruby, 50))
    back = {"from_offset": timedelta(days=1), "to_offset": timedelta(), "actor": "x"}

    assert [(each.check, each.problem) for each in services.verify()] == [("V3", "version 2 does not follow")]
    ClockMove.objects.create(**back)
    assert [each.check for each in services.verify()] == ["V3"], "that move came after both"
    ClockMove.objects.create(**back, at=between)
    assert services.verify() == []
