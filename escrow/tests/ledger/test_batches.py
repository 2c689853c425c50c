"""What a batch writes is what hold, close and award write; it is refused as a whole where a wallet has moved."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from core import db
from core.clock import db_now
from core.db import rows
from core.ids import new_id
from escrow import services
from escrow.models import Entry, Operation, Wallet
from escrow.services import Award, Close, Currency, Deposit, HoldRequest, House, Payee, operations
from escrow.services.batches import Instant, LockedWallet, Opening, lock_wallets, open_holds, settle_instants
from escrow.tests.factories import freeze
from perfqueue.models import Fulfilment, QueueItem
from tests.interleaving import Concurrent
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = {
    "wallet": "SELECT currency, available, held, earned, owed, version, status FROM escrow_wallet"
    " WHERE owner_id = %(person)s ORDER BY currency",
    "holds": "SELECT payee_id, payee_house, currency, feature, source_event_id, amount, captured, released, status,"
    " expires_at - created_at AS lives, closed_at IS NULL AS is_open FROM escrow_hold WHERE payer_id = %(person)s"
    " ORDER BY amount",
    "operations": "SELECT o.scope, o.key, o.kind, o.actor = h.payer_id AS is_own, o.reverses_id, o.reason, o.meta"
    " FROM escrow_operation o JOIN escrow_hold h ON h.id = o.hold_id WHERE h.payer_id = %(person)s ORDER BY o.id",
    "entries": "SELECT o.kind, e.line, e.wallet_id IS NULL AS is_house, e.house, e.currency, e.version, e.d_available,"
    " e.d_held, e.d_earned, e.d_owed, e.available_after, e.held_after, e.earned_after, e.owed_after"
    " FROM escrow_entry e JOIN escrow_operation o ON o.id = e.operation_id JOIN escrow_hold h ON h.id = o.hold_id"
    " WHERE h.payer_id = %(person)s ORDER BY o.id, e.line",
}


def written(person: User, names: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The person's rows without ids and times; a key that names an id is replaced by what it names."""
    found = {table: rows(sql, {"person": person.pk}) for table, sql in TABLES.items()}
    for operation in found["operations"]:
        operation["key"] = names.get(operation["key"], operation["key"])
    for hold in found["holds"]:
        hold["source_event_id"] = names.get(hold["source_event_id"], hold["source_event_id"])
    return found


def bet(payer: User, amount: int, source: UUID) -> HoldRequest:
    """The hold of an instant item, as the slot machine asks for it."""
    payee = Payee(house=House.SLOTS_BANK)
    key = f"spin-{source}"
    return HoldRequest(
        new_id(), key, payer.pk, payee, Currency.POINT, amount, "slots", str(source), actor_id=payer.pk
    )  # fmt: skip


def finished_item(hold: HoldRequest, award: int) -> UUID:
    """The instant item of a hold, which need not exist yet: its foreign key is deferred."""
    now = db_now()
    item = QueueItem(
        user_id=hold.payer_id,
        hold_id=hold.hold_id,
        tokens=hold.amount,
        currency=hold.currency,
        title="A spin",
        fulfilment=Fulfilment.INSTANT,
        source_feature=hold.feature,
        idempotency_key=hold.key,
        award=award,
        created_at=now,
    )
    item.start(now=now, deadline_at=None)
    item.finish(now=now, settle=hold.amount, refund=0)
    item.save(force_insert=True)
    return item.pk


def execute(sql: str, values: list[Any]) -> list[dict[str, Any]]:
    return db.rows(sql, values)


def locked(*people: User, currency: Currency = Currency.POINT) -> list[LockedWallet]:
    """The people's wallets under their locks, in the order of the people."""
    found = lock_wallets(execute, [each.pk for each in people], currency=currency, wait=True)
    wallets = {row["owner"]: LockedWallet(**row) for row in found}
    return [wallets[each.pk] for each in people]


def decided(payer: User, amount: int, award: int, wallet: LockedWallet | None = None) -> Instant:
    """An instant item with its decided hold and award; stores the item."""
    hold = bet(payer, amount, new_id())
    (found,) = [wallet] if wallet else locked(payer)
    return Instant(wallet=found, hold=hold, item_id=finished_item(hold, award), award=award)


def command(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def undone() -> Iterator[None]:
    """What the test writes is checked as at a commit, then rolled back: it may owe what nobody can owe."""
    with transaction.atomic():
        yield
        command("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


def owing(player: User, owed: int) -> None:
    """A debt beside points to spend: no command leaves one, the functions must pay it all the same."""
    command("SET LOCAL session_replication_role = replica")
    Wallet.objects.filter(owner=player, currency=Currency.POINT).update(owed=owed)
    command("SET LOCAL session_replication_role = origin")


def ordinarily(hold: HoldRequest, award: int) -> UUID:
    """Hold, item, close, award: one after the other."""
    assert operations.hold_many([hold])[0].code is None
    item_id = finished_item(hold, award)
    close, wins = parts(hold, item_id, award)
    assert operations.close_many([close])[0].code is None
    assert [won.code for won in operations.award_many(wins)] == [None] * len(wins)
    return item_id


def parts(hold: HoldRequest, item_id: UUID, award: int) -> tuple[Close, list[Award]]:
    close = Close(str(item_id), hold.hold_id, hold.amount, 0, actor_id=hold.actor_id)
    wins = [Award(str(item_id), hold.payer_id, award, hold.hold_id, hold.actor_id)] if award else []
    return close, wins


@pytest.mark.parametrize("award", [0, 1, 30, 500])
@pytest.mark.parametrize("owed", [0, 30, 100])
def test_an_instant_writes_what_hold_close_and_award_write(undone: None, award: int, owed: int) -> None:
    ordinary, fast = person(points=200), person(points=200)
    owing(ordinary, owed)
    owing(fast, owed)
    first = bet(ordinary, 200, new_id())
    first_item = ordinarily(first, award)

    each = decided(fast, 200, award)
    assert settle_instants(execute, [each], at=db_now()) == [{"escrow_instant": 1}]

    names = {str(first_item): "item", str(each.item_id): "item"}
    for hold in (first, each.hold):
        names |= {hold.key: "spin", hold.source_event_id: "source"}
    assert written(fast, names) == written(ordinary, names)


def test_a_hold_of_the_queue_is_what_hold_and_intake_leave() -> None:
    buyers, ruby = [person(tokens=100), person(tokens=100)], performer()
    requests = [
        HoldRequest(new_id(), str(new_id()), buyer.pk, Payee(ruby.pk), Currency.TOKEN, 60, "menus", meta={"a": 1})
        for buyer in buyers
    ]
    requests = [replace(each, actor_id=each.payer_id, reason="why", source_event_id=each.key) for each in requests]
    with transaction.atomic():
        services.hold(requests[0])
        services.lock_holds([requests[0].hold_id], lift_expiry=True)
        (wallet,) = locked(buyers[1], currency=Currency.TOKEN)
        assert open_holds(execute, [Opening(wallet=wallet, hold=requests[1])], at=db_now()) == [{"escrow_open": 1}]

        names = {request.key: "purchase" for request in requests}
        assert written(buyers[1], names) == written(buyers[0], names)
        transaction.set_rollback(True)  # no item has taken the holds


def test_the_keys_of_a_batch_are_known_to_the_ordinary_functions() -> None:
    player = person(points=200)
    with transaction.atomic():
        each = decided(player, 50, 70)
        settle_instants(execute, [each], at=db_now())
    close, wins = parts(each.hold, each.item_id, each.award)

    held, closed, won = (
        operations.hold_many([each.hold])[0],
        operations.close_many([close])[0],
        operations.award_many(wins)[0],
    )
    assert (held.replayed, held.hold_id, held.available) == (True, each.hold.hold_id, 150)
    assert (closed.replayed, closed.hold_id, closed.available) == (True, each.hold.hold_id, 150)
    assert (won.replayed, won.available) == (True, 220)


def test_every_wallet_of_a_list_moves_by_its_own_amounts() -> None:
    players = [person(points=100 * number) for number in range(1, 65)]
    with transaction.atomic():
        wallets = locked(*players)
        instants = [decided(p, n, n % 3, w) for n, (p, w) in enumerate(zip(players, wallets, strict=True), start=1)]
        assert settle_instants(execute, instants, at=db_now()) == [{"escrow_instant": 64}]

    assert [locked_now.available for locked_now in _read(players)] == [99 * n + n % 3 for n in range(1, 65)]
    assert Entry.objects.filter(house=House.SLOTS_BANK).count() == 64 + sum(1 for n in range(1, 65) if n % 3)


def _read(players: Sequence[User]) -> list[LockedWallet]:
    with transaction.atomic():
        return locked(*players)


def test_the_request_of_an_element_is_in_its_operations() -> None:
    player = person(points=100)
    with transaction.atomic():
        each = replace(decided(player, 5, 7), request_id="r-1")
        settle_instants(execute, [each], at=db_now())

    kinds = Operation.objects.filter(hold_id=each.hold.hold_id, meta={"requestId": "r-1"}).values_list(
        "kind", flat=True
    )
    assert sorted(kinds) == ["award", "hold", "settle"]


def opened(instants: Sequence[Instant]) -> None:
    """The same holds, opened for a performer's queue: their items do not count."""
    ruby = Payee(performer().pk)
    openings = [Opening(wallet=each.wallet, hold=replace(each.hold, payee=ruby)) for each in instants]
    open_holds(execute, openings, at=db_now())


def settled(instants: Sequence[Instant]) -> None:
    settle_instants(execute, instants, at=db_now())


WRITERS = pytest.mark.parametrize("write", [settled, opened])
Write = Callable[[Sequence[Instant]], None]
MOVED: dict[str, Callable[[LockedWallet], LockedWallet]] = {
    "more available": lambda wallet: replace(wallet, available=wallet.available + 1),
    "less available": lambda wallet: replace(wallet, available=wallet.available - 1),
    "a debt": lambda wallet: replace(wallet, owed=1),
    "another wallet": lambda wallet: replace(wallet, id=new_id()),
}


@WRITERS
@pytest.mark.parametrize("case", MOVED)
def test_a_list_is_refused_whole_where_a_wallet_is_not_as_decided(case: str, write: Write) -> None:
    players = [person(points=100), person(points=100)]

    refused = pytest.raises(IntegrityError, match="not where its decision found it")
    with refused, transaction.atomic():
        right, wrong = (decided(player, 10, 5) for player in players)
        write([right, replace(wrong, wallet=MOVED[case](wrong.wallet))])
    assert [wallet.available for wallet in _read(players)] == [100, 100]


@WRITERS
def test_another_persons_wallet_does_not_pay(write: Write) -> None:
    alice, bob = person(points=100), person(points=100)

    refused = pytest.raises(IntegrityError, match="not where its decision found it")
    with refused, transaction.atomic():
        (wallet,) = locked(bob)
        write([decided(alice, 10, 0, wallet)])


@WRITERS
def test_a_wallet_of_another_currency_does_not_pay(write: Write) -> None:
    alice = person(points=100, tokens=100)

    refused = pytest.raises(IntegrityError, match="not where its decision found it")
    with refused, transaction.atomic():
        (wallet,) = locked(alice, currency=Currency.TOKEN)
        write([decided(alice, 10, 0, wallet)])


@WRITERS
def test_a_frozen_wallet_does_not_pay(write: Write) -> None:
    alice = person(points=100)
    freeze(alice)

    with pytest.raises(IntegrityError, match="not where its decision found it"), transaction.atomic():
        write([decided(alice, 10, 0)])
    assert not _read([alice])[0].is_active


@WRITERS
def test_a_payer_is_in_a_list_once(write: Write) -> None:
    alice = person(points=100)

    with pytest.raises(IntegrityError, match="not where its decision found it"), transaction.atomic():
        write([decided(alice, 10, 0), decided(alice, 10, 0)])


@WRITERS
@pytest.mark.parametrize("award", [0, 5])
def test_nobody_pays_more_than_is_there(award: int, write: Write) -> None:
    alice = person(points=100)

    with pytest.raises(IntegrityError, match="escrow_balance_not_negative"), transaction.atomic():
        write([decided(alice, 101, award)])


@pytest.mark.parametrize("award", [-1, 1_000_000_001])
def test_an_award_out_of_range_is_refused(award: int) -> None:
    alice = person(points=100)

    with pytest.raises(IntegrityError, match="out of range"), transaction.atomic():
        settle_instants(execute, [replace(decided(alice, 10, 5), award=award)], at=db_now())


def test_a_known_key_is_refused() -> None:
    alice = person(points=100)
    with transaction.atomic():
        each = decided(alice, 10, 5)
        settle_instants(execute, [each], at=db_now())

    refused = pytest.raises(IntegrityError, match="escrow_operation_once")
    with refused, transaction.atomic():
        again = decided(alice, 10, 5)
        settle_instants(execute, [replace(again, hold=replace(again.hold, key=each.hold.key))], at=db_now())


def test_a_hold_is_settled_only_under_its_finished_item() -> None:
    alice = person(points=100)

    refused = pytest.raises(IntegrityError, match="only what its finished item says")
    with refused, transaction.atomic():
        each = decided(alice, 10, 5)
        settle_instants(execute, [replace(each, hold=replace(each.hold, hold_id=new_id()))], at=db_now())


def test_lists_are_of_one_feature_and_one_currency() -> None:
    alice = person(points=100)
    (wallet,) = _read([alice])
    hold = bet(alice, 10, new_id())
    mixed = [Opening(wallet=wallet, hold=hold), Opening(wallet=wallet, hold=replace(hold, feature="menus"))]

    with pytest.raises(ValueError, match="too many values"):
        open_holds(execute, mixed, at=db_now())


def test_wallets_are_locked_in_the_order_of_their_ids() -> None:
    players = [person(points=10) for _ in range(9)]

    with transaction.atomic():
        for wait in (True, False):
            owners = [player.pk for player in players[4:] + players[:4]]
            found = [row["id"] for row in lock_wallets(execute, owners, currency=Currency.POINT, wait=wait)]
            assert found == sorted(found)


def test_wallets_that_somebody_has_locked_are_left_out_or_waited_for() -> None:
    alice, bob = person(points=100), person(points=50)

    def found(*, wait: bool) -> list[int]:
        with transaction.atomic():
            owners = [alice.pk, bob.pk]
            return sorted(row["available"] for row in lock_wallets(execute, owners, currency=Currency.POINT, wait=wait))

    with transaction.atomic():
        locked(alice)
        assert Concurrent(lambda: found(wait=False)).result() == [50]
        waiting = Concurrent(lambda: found(wait=True))
        waiting.assert_blocked()
        services.deposit(Deposit(str(new_id()), alice.pk, Currency.POINT, 11, House.MINT))
    assert waiting.result() == [50, 111], "what the lock left, not what was before it"


def test_a_connection_without_django_takes_the_same_statements() -> None:
    alice, ruby = person(points=100), performer()
    facts = connection.get_connection_params()
    address = {name: facts[name] for name in ("dbname", "user", "password", "host", "port")}
    hold = replace(bet(alice, 10, new_id()), payee=Payee(ruby.pk))
    with psycopg.connect(**address) as plain:
        (row,) = lock_wallets(plain.execute, [alice.pk], currency=Currency.POINT, wait=True).fetchall()
        opening = Opening(wallet=LockedWallet(*row), hold=hold)
        with plain.pipeline():
            written = open_holds(plain.execute, [opening], at=db_now())
        assert written.fetchone() == (1,)
        plain.rollback()
