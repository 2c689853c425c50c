"""What the database refuses to raw SQL, and what it refuses even to a faulty function of the ledger's own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import TextChoices

from accounts.models import User
from core.db import rows
from core.ids import new_id
from escrow import services
from escrow.models import Operation, OperationKind, Wallet, WalletStatus
from escrow.services import Close, Currency, Deposit, House, operations
from escrow.tests.factories import finished, request, tampering
from tests.clock import Clock
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Scene:
    """One buyer with 740 tokens left: 100 held for nothing yet, 100 under a finished split of 61 to 39, 60 settled."""

    alice: User
    ruby: User
    wallet: UUID
    hold: UUID
    split: UUID
    settled: UUID
    operation: UUID


@pytest.fixture
def scene() -> Iterator[Scene]:
    alice, ruby = person(tokens=1_000), performer()
    hold_id = services.hold(request(alice, ruby, 100)).hold_id
    split, settled = finished(alice, ruby, 100, 61), finished(alice, ruby, 60, 60)
    services.close_many([Close("settled", settled, 60, 0)])
    wallet = Wallet.objects.get(owner=alice, currency="TOKEN")
    last = Operation.objects.order_by("-id")[0]
    yield Scene(alice, ruby, wallet.pk, hold_id, split, settled, last.pk)
    services.close_many([Close("split", split, 61, 39)])


def filled(sql: str, scene: Scene) -> str:
    """The statement with the scene's ids in their places."""
    places = {
        "wallet": scene.wallet,
        "hold": scene.hold,
        "split": scene.split,
        "settled": scene.settled,
        "operation": scene.operation,
        "alice": scene.alice.pk,
        "ruby": scene.ruby.pk,
        "fresh": new_id(),
    }
    return re.sub(r":(\w+)\b(?<!:::)", lambda found: f"'{places[found[1]]}'", sql)


RAW = {
    "balance": ("UPDATE escrow_wallet SET available = available + 1 WHERE id = :wallet", "functions only"),
    "balance and version": (
        "UPDATE escrow_wallet SET available = available + 1, version = version + 1 WHERE id = :wallet",
        "functions only",
    ),
    "version": ("UPDATE escrow_wallet SET version = version + 1 WHERE id = :wallet", "functions only"),
    "owed": ("UPDATE escrow_wallet SET owed = 1, version = version + 1 WHERE id = :wallet", "functions only"),
    "owner": ("UPDATE escrow_wallet SET owner_id = :ruby WHERE id = :wallet", "keeps its owner"),
    "currency": ("UPDATE escrow_wallet SET currency = 'POINT' WHERE id = :wallet", "keeps its owner"),
    "wallet with money": (
        "INSERT INTO escrow_wallet (id, owner_id, currency, available, held, earned, owed, version, status)"
        " VALUES (:fresh, :alice, 'TOKEN', 1, 0, 0, 0, 0, 'active')",
        "starts empty",
    ),
    "second wallet": (
        "INSERT INTO escrow_wallet (id, owner_id, currency, available, held, earned, owed, version, status)"
        " VALUES (:fresh, :alice, 'TOKEN', 0, 0, 0, 0, 0, 'active')",
        "escrow_wallet_one_per_owner_and_currency",
    ),
    "wallet status": ("UPDATE escrow_wallet SET status = 'gone' WHERE id = :wallet", "escrow_wallet_status_known"),
    "wallet gone": ("DELETE FROM escrow_wallet WHERE id = :wallet", "append-only: DELETE"),
    "wallets gone": ("TRUNCATE escrow_wallet CASCADE", "append-only: TRUNCATE"),
    "operation made": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind) VALUES (:fresh, 's', 'k', '', 'deposit')",
        "functions only",
    ),
    "operation changed": ("UPDATE escrow_operation SET reason = 'x' WHERE id = :operation", "append-only: UPDATE"),
    "operation gone": ("DELETE FROM escrow_operation WHERE id = :operation", "append-only: DELETE"),
    "operations gone": ("TRUNCATE escrow_operation CASCADE", "append-only: TRUNCATE"),
    "entry made": (
        "INSERT INTO escrow_entry (operation_id, line, house, currency, d_available)"
        " VALUES (:operation, 9, 'mint', 'TOKEN', 0)",
        "functions only",
    ),
    "entry changed": ("UPDATE escrow_entry SET d_available = 0 WHERE operation_id = :operation", "append-only: UPDATE"),
    "no entry changed": ("UPDATE escrow_entry SET d_available = 0 WHERE false", "append-only: UPDATE"),
    "entry gone": ("DELETE FROM escrow_entry WHERE operation_id = :operation", "append-only: DELETE"),
    "entries gone": ("TRUNCATE escrow_entry", "append-only: TRUNCATE"),
    "hold made": (
        "INSERT INTO escrow_hold (id, payer_id, payee_id, currency, feature, amount)"
        " VALUES (:fresh, :alice, :ruby, 'TOKEN', 'x', 1)",
        "functions only",
    ),
    "hold closed": (
        "UPDATE escrow_hold SET status = 'SETTLED', captured = amount, closed_at = core_now() WHERE id = :hold",
        "functions only",
    ),
    "hold kept for ever": ("UPDATE escrow_hold SET expires_at = NULL WHERE id = :hold", "functions only"),
    "hold gone": ("DELETE FROM escrow_hold WHERE id = :hold", "append-only: DELETE"),
    "holds gone": ("TRUNCATE escrow_hold CASCADE", "append-only: TRUNCATE"),
}


@pytest.mark.parametrize("case", RAW)
def test_raw_sql_does_not_move_money(scene: Scene, case: str) -> None:
    sql, answers = RAW[case]

    with pytest.raises(IntegrityError, match=answers), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(filled(sql, scene))


ENTRY = "INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held,"
ENTRY += " available_after, held_after, earned_after, owed_after) VALUES "
HOLD = "INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, amount, status) VALUES "
BORN = (
    "INSERT INTO escrow_hold (id, payer_id, payee_id, currency, feature, amount, captured, released, closed_at) VALUES "
)
BORN_SETTLED = BORN.replace("payee_id", "payee_house").replace("closed_at", "closed_at, status")
STEPS = (
    "INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held, available_after,"
    " held_after, earned_after, owed_after) SELECT :operation, 7 + n, w.id, 'TOKEN', w.version + n, 0, 0,"
    " {after}, w.held, w.earned, w.owed FROM escrow_wallet w, generate_series({first}, {last}) n WHERE w.id = :wallet;"
    "UPDATE escrow_wallet SET available = available - 9, version = version + 2 WHERE id = :wallet"
)
INSIDE = {
    "two versions with one entry": (STEPS.format(after="w.available - 9", first=1, last=1), "as their entries say"),
    "two versions with the second one's entry": (
        STEPS.format(after="w.available - 9", first=2, last=2),
        "as their entries say",
    ),
    "two versions to what no entry says": (
        STEPS.format(after="w.available - n", first=1, last=2),
        "as their entries say",
    ),
    "two versions over less than nothing": (
        STEPS.format(after="CASE n WHEN 1 THEN -1 ELSE w.available - 9 END", first=1, last=2),
        "as their entries say",
    ),
    "a version back": (
        "UPDATE escrow_wallet SET available = 0, version = version - 1 WHERE id = :wallet",
        "one version at a time",
    ),
    "two versions at once": (
        "UPDATE escrow_wallet SET available = 0, version = version + 2 WHERE id = :wallet",
        "one version at a time",
    ),
    "no version": ("UPDATE escrow_wallet SET available = 0 WHERE id = :wallet", "one version at a time"),
    "below zero": (
        "UPDATE escrow_wallet SET available = -1, version = version + 1 WHERE id = :wallet",
        "escrow_balance_not_negative",
    ),
    "held below zero": (
        "UPDATE escrow_wallet SET held = -1, version = version + 1 WHERE id = :wallet",
        "escrow_balance_not_negative",
    ),
    "owed below zero": (
        "UPDATE escrow_wallet SET owed = -1, version = version + 1 WHERE id = :wallet",
        "escrow_balance_not_negative",
    ),
    "unbalanced": (
        ENTRY + "(:operation, 8, NULL, 'mint', 'TOKEN', NULL, -5, 0, NULL, NULL, NULL, NULL),"
        " (:operation, 9, NULL, 'sales', 'TOKEN', NULL, 4, 0, NULL, NULL, NULL, NULL)",
        "does not sum to zero",
    ),
    "balanced over two currencies": (
        ENTRY + "(:operation, 8, NULL, 'mint', 'TOKEN', NULL, -5, 0, NULL, NULL, NULL, NULL),"
        " (:operation, 9, NULL, 'mint', 'POINT', NULL, 5, 0, NULL, NULL, NULL, NULL)",
        "does not sum to zero",
    ),
    "wallet and house": (
        ENTRY + "(:operation, 9, :wallet, 'mint', 'TOKEN', 99, 0, 0, 0, 0, 0, 0)",
        "neither of a wallet nor of a house",
    ),
    "neither wallet nor house": (
        ENTRY + "(:operation, 9, NULL, NULL, 'TOKEN', NULL, 0, 0, NULL, NULL, NULL, NULL)",
        "neither of a wallet nor of a house",
    ),
    "a house that holds": (
        ENTRY + "(:operation, 9, NULL, 'mint', 'TOKEN', NULL, 1, -1, NULL, NULL, NULL, NULL)",
        "neither of a wallet nor of a house",
    ),
    "an unknown house": (
        ENTRY + "(:operation, 9, NULL, 'attic', 'TOKEN', NULL, 0, 0, NULL, NULL, NULL, NULL)",
        "escrow_house_known",
    ),
    "a wallet without its balances": (
        ENTRY + "(:operation, 9, :wallet, NULL, 'TOKEN', 99, 0, 0, 0, NULL, 0, 0)",
        "neither of a wallet nor of a house",
    ),
    "a house with a version": (
        ENTRY + "(:operation, 9, NULL, 'mint', 'TOKEN', 9, 0, 0, NULL, NULL, NULL, NULL)",
        "neither of a wallet nor of a house",
    ),
    "one wrong line among right ones": (
        ENTRY + "(:operation, 8, NULL, 'mint', 'TOKEN', NULL, -5, 0, NULL, NULL, NULL, NULL),"
        " (:operation, 9, NULL, 'sales', 'TOKEN', NULL, 5, 0, NULL, 1, NULL, NULL)",
        "neither of a wallet nor of a house",
    ),
    "the same line": (
        ENTRY + "(:operation, 1, NULL, 'mint', 'TOKEN', NULL, 0, 0, NULL, NULL, NULL, NULL)",
        "escrow_entry_line_once",
    ),
    "the same version": (
        ENTRY + "(:operation, 9, :wallet, NULL, 'TOKEN', 1, 0, 0, 0, 0, 0, 0)",
        "escrow_entry_version_once",
    ),
    "the same key": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind)"
        " VALUES (:fresh, 'close', 'settled', '', 'settle')",
        "escrow_operation_once",
    ),
    "an unknown kind": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind) VALUES (:fresh, 's', 'k', '', 'gift')",
        "escrow_kind_known",
    ),
    "undone twice": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id) VALUES"
        " (gen_random_uuid(), 's', 'a', '', 'reverse', :operation),"
        " (gen_random_uuid(), 's', 'b', '', 'reverse', :operation)",
        "escrow_operation_reversed_once",
    ),
    "born settled": (HOLD + "(:fresh, :alice, :ruby, NULL, 'TOKEN', 'x', 1, 'SETTLED')", "opens as HELD"),
    "born with tokens paid": (BORN + "(:fresh, :alice, :ruby, 'TOKEN', 'x', 2, 1, 0, NULL)", "opens as HELD"),
    "born with tokens returned": (BORN + "(:fresh, :alice, :ruby, 'TOKEN', 'x', 2, 0, 1, NULL)", "opens as HELD"),
    "born closed": (BORN + "(:fresh, :alice, :ruby, 'TOKEN', 'x', 2, 0, 0, core_now())", "opens as HELD"),
    "born settled with a performer": (
        BORN_SETTLED.replace("payee_house", "payee_id")
        + "(:fresh, :alice, :ruby, 'TOKEN', 'x', 2, 2, 0, core_now(), 'SETTLED')",
        "opens as HELD",
    ),
    "born settled in part": (
        BORN_SETTLED + "(:fresh, :alice, 'slots_bank', 'TOKEN', 'x', 2, 1, 0, core_now(), 'SETTLED')",
        "opens as HELD",
    ),
    "born settled at no time": (
        BORN_SETTLED + "(:fresh, :alice, 'slots_bank', 'TOKEN', 'x', 2, 2, 0, NULL, 'SETTLED')",
        "opens as HELD",
    ),
    "born refunded": (
        BORN_SETTLED + "(:fresh, :alice, 'slots_bank', 'TOKEN', 'x', 2, 2, 0, core_now(), 'REFUNDED')",
        "opens as HELD",
    ),
    "born settled without an item": (
        BORN_SETTLED + "(:fresh, :alice, 'slots_bank', 'TOKEN', 'x', 2, 2, 0, core_now(), 'SETTLED')",
        "only what its finished item says",
    ),
    "of nothing": (HOLD + "(:fresh, :alice, :ruby, NULL, 'TOKEN', 'x', 0, 'HELD')", "escrow_amount_in_range"),
    "too large": (HOLD + "(:fresh, :alice, :ruby, NULL, 'TOKEN', 'x', 1000000001, 'HELD')", "escrow_amount_in_range"),
    "to oneself": (HOLD + "(:fresh, :alice, :alice, NULL, 'TOKEN', 'x', 1, 'HELD')", "not to oneself"),
    "for nobody": (HOLD + "(:fresh, :alice, NULL, NULL, 'TOKEN', 'x', 1, 'HELD')", "has one payee"),
    "for two": (HOLD + "(:fresh, :alice, :ruby, 'revenue', 'TOKEN', 'x', 1, 'HELD')", "has one payee"),
    "of no currency": (HOLD + "(:fresh, :alice, :ruby, NULL, 'EURO', 'x', 1, 'HELD')", "escrow_currency_known"),
    "another amount": ("UPDATE escrow_hold SET amount = 99 WHERE id = :hold", "keeps its terms"),
    "another payee": ("UPDATE escrow_hold SET payee_id = NULL, payee_house = 'mint' WHERE id = :hold", "its terms"),
    "another payer": ("UPDATE escrow_hold SET payer_id = :ruby, payee_id = :alice WHERE id = :hold", "its terms"),
    "a later expiry": (
        "UPDATE escrow_hold SET expires_at = expires_at + interval '1 s' WHERE id = :hold",
        "keeps its terms",
    ),
    "paid without an item": (
        "UPDATE escrow_hold SET status = 'SETTLED', captured = 100, closed_at = core_now() WHERE id = :hold",
        "only what its finished item says",
    ),
    "returned without an item": (
        "UPDATE escrow_hold SET status = 'REFUNDED', released = 100, closed_at = core_now() WHERE id = :hold",
        "only what its item says",
    ),
    "paid more than the item says": (
        "UPDATE escrow_hold SET status = 'SPLIT', captured = 62, released = 38, closed_at = core_now()"
        " WHERE id = :split",
        "only what its finished item says",
    ),
    "paid whole where the item says a part": (
        "UPDATE escrow_hold SET status = 'SETTLED', captured = 100, closed_at = core_now() WHERE id = :split",
        "only what its finished item says",
    ),
    "returned more than the item says": (
        "UPDATE escrow_hold SET status = 'REFUNDED', released = 100, closed_at = core_now() WHERE id = :split",
        "only what its item says",
    ),
    "paid in part and left open": (
        "UPDATE escrow_hold SET captured = 61 WHERE id = :split",
        "closes in full",
    ),
    "returned below zero": (
        "UPDATE escrow_hold SET status = 'SPLIT', captured = 101, released = -1, closed_at = core_now()"
        " WHERE id = :split",
        "closes in full",
    ),
    "expired in part": (
        "UPDATE escrow_hold SET status = 'EXPIRED', captured = 61, released = 39, closed_at = core_now()"
        " WHERE id = :split",
        "closes in full",
    ),
    "of an unknown status": ("UPDATE escrow_hold SET status = 'LOST' WHERE id = :split", "closes in full"),
    "closed without money": (
        "UPDATE escrow_hold SET status = 'SETTLED', closed_at = core_now() WHERE id = :split",
        "closes in full",
    ),
    "opened again": (
        "UPDATE escrow_hold SET status = 'HELD', captured = 0, closed_at = NULL WHERE id = :settled",
        "is closed",
    ),
    "paid twice": ("UPDATE escrow_hold SET captured = captured WHERE id = :settled", "is closed"),
}


@pytest.mark.parametrize("case", INSIDE)
def test_even_a_faulty_function_of_the_ledger_cannot(scene: Scene, case: str) -> None:
    sql, answers = INSIDE[case]

    with pytest.raises(IntegrityError, match=answers):
        as_the_ledger(filled(sql, scene))


def as_the_ledger(sql: str, setting: str = "SET escrow.writing = 'on'") -> None:
    """Run a statement from a function that may write as the ledger's own do; whatever it did is rolled back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA rogue")
        cursor.execute(
            f"CREATE FUNCTION rogue.faulty(what text) RETURNS void LANGUAGE plpgsql {setting}"
            " AS 'BEGIN EXECUTE what; END'"
        )
        cursor.execute("SELECT rogue.faulty(%s)", [sql])
        transaction.set_rollback(True)


def test_the_faulty_function_is_otherwise_accepted(scene: Scene) -> None:
    """Else the tests above would show nothing."""
    as_the_ledger(filled("UPDATE escrow_wallet SET available = 0, version = version + 1 WHERE id = :wallet", scene))
    as_the_ledger(
        filled(
            "UPDATE escrow_hold SET status = 'SPLIT', captured = 61, released = 39, closed_at = core_now()"
            " WHERE id = :split",
            scene,
        )
    )
    balanced = "(:operation, 8, NULL, 'mint', 'TOKEN', NULL, -5, 0, NULL, NULL, NULL, NULL),"
    balanced += " (:operation, 9, NULL, 'sales', 'TOKEN', NULL, 5, 0, NULL, NULL, NULL, NULL)"
    as_the_ledger(filled(ENTRY + balanced, scene))
    as_the_ledger(filled(STEPS.format(after="w.available - 9 * (n - 1)", first=1, last=2), scene))


def test_a_hold_without_an_item_is_refunded_only_after_its_expiry(scene: Scene, clock: Clock) -> None:
    close = filled(
        "UPDATE escrow_hold SET status = 'EXPIRED', released = 100, closed_at = core_now() WHERE id = :hold", scene
    )

    with pytest.raises(IntegrityError, match="only what its item says"):
        as_the_ledger(close)
    clock.shift(seconds=301)
    as_the_ledger(close)


@pytest.mark.parametrize("wrong", [0, 1])
def test_each_hold_that_a_statement_closes_is_checked(scene: Scene, wrong: int) -> None:
    pair = [finished(scene.alice, scene.ruby, 100, 61), finished(scene.alice, scene.ruby, 100, 61)]
    close = (
        "UPDATE escrow_hold SET status = 'SPLIT', captured = 61 + (id = '{0}')::int, released = 39 - (id = '{0}')::int,"
    )
    close += " closed_at = core_now() WHERE id IN ('{1}', '{2}')"

    with pytest.raises(IntegrityError, match=f"hold {pair[wrong]} may pay only what its finished item says"):
        as_the_ledger(close.format(pair[wrong], *pair))
    as_the_ledger(close.format(new_id(), *pair))
    services.close_many([Close(str(each), each, 61, 39) for each in pair])


@pytest.mark.parametrize("statement", ["UPDATE escrow_wallet SET owed = owed", "UPDATE escrow_hold SET captured = 0"])
def test_a_statement_from_outside_is_refused_whatever_it_finds(scene: Scene, statement: str) -> None:
    with pytest.raises(IntegrityError, match="functions only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE false")


def test_a_function_without_the_setting_is_no_function_of_the_ledger(scene: Scene) -> None:
    sql = filled("UPDATE escrow_wallet SET available = 0, version = version + 1 WHERE id = :wallet", scene)

    with pytest.raises(IntegrityError, match="functions only"):
        as_the_ledger(sql, setting="")


def test_nobody_writes_the_ledger_by_naming_its_functions(scene: Scene) -> None:
    sql = "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind)"
    sql += " VALUES (:fresh, 's', '\nescrow_hold(', '', 'deposit')"

    with pytest.raises(IntegrityError, match="functions only"):
        as_the_ledger(filled(sql, scene), setting="")


def test_the_setting_ends_with_the_function_of_the_ledger(scene: Scene) -> None:
    """Also when the function ended by an error, and in the same transaction."""
    sql = filled("UPDATE escrow_wallet SET available = 0, version = version + 1 WHERE id = :wallet", scene)

    with transaction.atomic():
        operations.deposit_many([Deposit(str(new_id()), scene.alice.pk, Currency.TOKEN, 5, House.MINT)])
        with pytest.raises(IntegrityError, match="functions only"), transaction.atomic():
            rows(sql)
        with pytest.raises(IntegrityError, match="out of range"), transaction.atomic():
            operations.deposit_many([Deposit(str(new_id()), scene.alice.pk, Currency.TOKEN, 0, House.MINT)])
        with pytest.raises(IntegrityError, match="functions only"), transaction.atomic():
            rows(sql)


def test_with_the_triggers_off_a_hold_still_pays_no_more_than_it_has(scene: Scene) -> None:
    sql = filled("UPDATE escrow_hold SET captured = %s, released = %s WHERE id = :split", scene)

    for wrong in ((61, 40), (101, -1), (-1, 101)):
        with pytest.raises(IntegrityError, match="escrow_hold_no_more_than_its_amount"), tampering():
            rows(sql, wrong)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("escrow_currency", Currency),
        ("escrow_house", House),
        ("escrow_kind", OperationKind),
        ("escrow_wallet_status", WalletStatus),
    ],
)
def test_a_domain_has_the_values_of_the_models_enumeration(domain: str, words: type[TextChoices]) -> None:
    (rule,) = rows("SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE contypid = %s::regtype", [domain])

    assert sorted(re.findall(r"'([^']+)'::", rule["text"])) == sorted(words.values)


@pytest.mark.parametrize("table", ["escrow_hold", "escrow_wallet"])
def test_every_column_has_a_guard_of_its_updates(table: str) -> None:
    """A column that is added and named by no `UPDATE OF` would be anybody's."""
    unguarded = """
    SELECT a.attname AS name FROM pg_attribute a
     WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS (
        SELECT FROM pg_trigger t WHERE t.tgrelid = a.attrelid AND a.attnum = ANY (t.tgattr) AND t.tgenabled = 'O')"""

    assert rows(unguarded, [table]) == []
