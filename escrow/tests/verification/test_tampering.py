"""Whatever a superuser does to a row with the triggers off, the verifier finds it and names it.

Every table of the ledger, every kind of change: an edit, a deletion, an insertion, an exchange of two rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.db import connection

from core.ids import new_id
from escrow import services
from escrow.models import Entry, Operation, Wallet
from escrow.services import Close, adjustments
from escrow.services.adjustments import PayoutDecision, PayoutRequest
from escrow.tests.factories import finished, request, tampering, wallet
from tests.world import performer, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]
CHANGES = ("edit", "delete", "insert", "exchange")
TABLES = ("operation", "entry", "hold", "wallet", "payout")


@dataclass(frozen=True)
class Books:
    """Alice bought, has a split hold and an open one; Ruby earned, asked twice, was refused once."""

    alice: UUID
    ruby: UUID
    split: UUID
    open: UUID
    settling: UUID
    holding: UUID
    payout: UUID
    refused: UUID
    asking: UUID
    fresh: UUID
    owner: UUID


@pytest.fixture
def books() -> Books:
    alice, ruby, stranger = person(tokens=1_000), performer(), person()
    split = finished(alice, ruby, 100, 61)
    services.close_many([Close("split", split, 61, 39, fee_bps=1000)])
    still = services.hold(request(alice, ruby, 50)).hold_id
    payout, refused = new_id(), new_id()
    for each, amount in ((payout, 20), (refused, 10)):
        adjustments.request_payouts([PayoutRequest(each, str(each), ruby.pk, amount)], minimum=1)
    adjustments.decide_payouts([PayoutDecision(refused, approve=False, actor_id=new_id(), reason="no")])
    assert services.verify() == []
    return Books(
        alice=wallet(alice).pk,
        ruby=wallet(ruby).pk,
        split=split,
        open=still,
        settling=Operation.objects.get(key="split").pk,
        holding=Operation.objects.get(hold=split, kind="hold").pk,
        payout=payout,
        refused=refused,
        asking=Operation.objects.get(kind="payout", key=str(payout)).pk,
        fresh=new_id(),
        owner=stranger.pk,
    )


Cell = tuple[str, Callable[[Books], UUID]]
ENTRY_OF = "(SELECT id FROM escrow_entry WHERE operation_id = '{}' AND line = 1)"
COLUMNS = "operation_id, line, wallet_id, house, currency, version, d_available, d_held, d_earned, d_owed,"
COLUMNS += " available_after, held_after, earned_after, owed_after, at"
MATRIX: dict[tuple[str, str], Cell] = {
    ("operation", "edit"): (
        "UPDATE escrow_operation SET kind = 'refund' WHERE id = '{settling}'",
        lambda books: books.settling,
    ),
    ("operation", "delete"): ("DELETE FROM escrow_operation WHERE id = '{settling}'", lambda books: books.settling),
    ("operation", "insert"): (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind) VALUES ('{fresh}', 's', 'k', '', 'deposit')",
        lambda books: books.fresh,
    ),
    ("operation", "exchange"): (  # what was a hold and what was a settlement change places
        "UPDATE escrow_operation SET kind = CASE id WHEN '{settling}' THEN 'hold' ELSE 'split' END"
        " WHERE id IN ('{settling}', '{holding}')",
        lambda books: books.settling,
    ),
    ("entry", "edit"): (
        "UPDATE escrow_entry SET d_available = d_available + 1 WHERE operation_id = '{settling}' AND line = 3",
        lambda books: books.settling,
    ),
    ("entry", "delete"): (
        "DELETE FROM escrow_entry WHERE operation_id = '{settling}' AND line = 2",
        lambda books: books.settling,
    ),
    ("entry", "insert"): (
        "INSERT INTO escrow_entry (operation_id, line, house, currency, d_available)"
        " VALUES ('{settling}', 9, 'mint', 'TOKEN', 5)",
        lambda books: books.settling,
    ),
    ("entry", "exchange"): (  # two lines of one wallet change their places in its history
        "UPDATE escrow_entry SET version = 1000 + version WHERE wallet_id = '{alice}' AND version IN (2, 3);"
        "UPDATE escrow_entry SET version = 1005 - version WHERE wallet_id = '{alice}' AND version IN (1002, 1003)",
        lambda books: books.alice,
    ),
    ("hold", "edit"): ("UPDATE escrow_hold SET amount = amount + 1 WHERE id = '{open}'", lambda books: books.open),
    ("hold", "delete"): ("DELETE FROM escrow_hold WHERE id = '{split}'", lambda books: books.split),
    ("hold", "insert"): (
        "INSERT INTO escrow_hold (id, payer_id, payee_house, currency, feature, amount)"
        " SELECT '{fresh}', owner_id, 'revenue', 'TOKEN', 'x', 5 FROM escrow_wallet WHERE id = '{alice}'",
        lambda books: books.fresh,
    ),
    ("hold", "exchange"): (  # the open hold takes the other's name, and the other its
        "UPDATE escrow_hold SET id = '{fresh}' WHERE id = '{open}';"
        "UPDATE escrow_hold SET id = '{open}' WHERE id = '{split}';"
        "UPDATE escrow_hold SET id = '{split}' WHERE id = '{fresh}'",
        lambda books: books.split,
    ),
    ("wallet", "edit"): (
        "UPDATE escrow_wallet SET available = available + 1 WHERE id = '{alice}'",
        lambda books: books.alice,
    ),
    ("wallet", "delete"): ("DELETE FROM escrow_wallet WHERE id = '{ruby}'", lambda books: books.ruby),
    ("wallet", "insert"): (
        "DELETE FROM escrow_wallet WHERE owner_id = '{owner}' AND currency = 'TOKEN';"
        "INSERT INTO escrow_wallet (id, owner_id, currency, available, held, earned, owed, version, status)"
        " VALUES ('{fresh}', '{owner}', 'TOKEN', 500, 0, 0, 0, 0, 'active')",
        lambda books: books.fresh,
    ),
    ("wallet", "exchange"): (  # what one has, the other has
        "UPDATE escrow_wallet w SET available = o.available, held = o.held, earned = o.earned, version = o.version"
        " FROM escrow_wallet o WHERE (w.id, o.id) IN (('{alice}', '{ruby}'), ('{ruby}', '{alice}'))",
        lambda books: books.ruby,
    ),
    ("payout", "edit"): (
        "UPDATE escrow_payout SET amount = amount + 1 WHERE id = '{payout}'",
        lambda books: books.payout,
    ),
    ("payout", "delete"): ("DELETE FROM escrow_payout WHERE id = '{payout}'", lambda books: books.asking),
    ("payout", "insert"): (
        "INSERT INTO escrow_payout (id, performer_id, amount, operation_id)"
        " SELECT '{fresh}', owner_id, 5, '{settling}' FROM escrow_wallet WHERE id = '{ruby}'",
        lambda books: books.fresh,
    ),
    ("payout", "exchange"): (  # the one that was refused and the one that waits change their amounts
        "UPDATE escrow_payout p SET amount = o.amount FROM escrow_payout o WHERE p.id <> o.id",
        lambda books: books.refused,
    ),
}  # fmt: skip


def test_the_matrix_is_whole() -> None:
    assert set(MATRIX) == {(table, change) for table in TABLES for change in CHANGES}


@pytest.mark.parametrize("cell", MATRIX, ids=" ".join)
def test_a_tampering_is_found_and_named(books: Books, cell: tuple[str, str]) -> None:
    sql, named = MATRIX[cell]

    with tampering(), connection.cursor() as cursor:
        for statement in sql.format(**vars(books)).split(";"):
            cursor.execute(statement)
            assert cursor.rowcount > 0

    assert str(named(books)) in {finding.subject for finding in services.verify()}


LINE = "UPDATE escrow_entry SET {} WHERE operation_id = '{{settling}}' AND line = {}"
HOLD = "UPDATE escrow_hold SET {} WHERE id = '{{open}}'"
SHAPES: dict[str, Cell] = {  # what guards refuse and no sum would show
    "a line of nobody": (LINE.format("wallet_id = NULL", 2), lambda books: books.settling),
    "a wallet's line that names a house": (LINE.format("house = 'mint'", 1), lambda books: books.settling),
    "a house's line with balances": (LINE.format("version = 7, available_after = 0", 3), lambda books: books.settling),
    "a house's line that holds": (
        LINE.format("d_available = d_available - 1, d_held = 1", 3), lambda books: books.settling,
    ),
    "a hold for nobody": (HOLD.format("payee_id = NULL"), lambda books: books.open),
    "a hold for two": (HOLD.format("payee_house = 'mint'"), lambda books: books.open),
    "a hold to oneself": (HOLD.format("payee_id = payer_id"), lambda books: books.open),
    "a hold closed and open": (HOLD.format("closed_at = created_at"), lambda books: books.open),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_of_no_shape_is_found_and_named(books: Books, shape: str) -> None:
    sql, named = SHAPES[shape]

    with tampering(), connection.cursor() as cursor:
        cursor.execute(sql.format(**vars(books)))
        assert cursor.rowcount == 1

    assert str(named(books)) in {finding.subject for finding in services.verify()}


def test_control_an_untouched_ledger_has_no_findings(books: Books) -> None:
    assert (services.verify(), Wallet.objects.count() > 0, Entry.objects.count() > 0) == ([], True, True)
