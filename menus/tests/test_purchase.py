"""Buying: eligibility, hold, intake, in one transaction, once."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import escrow.services
import perfqueue.services
from accounts.models import Role, User
from core.errors import IdempotencyKeyReused
from escrow.models import Entry, Hold, Operation, Wallet
from escrow.services import Currency, Deposit, House
from menus import services
from menus.errors import ItemWasBought
from menus.models import Menu, MenuItem, MenuType, Purchase
from menus.services import ItemDraft
from menus.tests.factories import item_in, menu_of
from perfqueue.models import QueueItem
from perfqueue.services import State
from tests import world
from tests.clock import Clock
from tests.interleaving import Concurrent
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
MOST_STATEMENTS = 14


@pytest.fixture
def ruby() -> User:
    return world.performer("ruby")


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=1_000)


@pytest.fixture
def song(ruby: User) -> MenuItem:
    return item_in(menu_of(ruby), "A song", 40, description="Any ballad", duration_s=90)


def buy(buyer: User | None, item_id: UUID | str, price: Any = 40, headers: Any = None, **body: Any) -> Any:
    client = world.client_of(buyer)
    return client.post(
        f"/api/v1/menus/items/{item_id}/purchase",
        {"expectedPrice": price} | body,
        format="json",
        headers=world.key() if headers is None else headers,
    )


def refused(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal, after which nothing may have been written."""
    assert not Purchase.objects.exists()
    assert not QueueItem.objects.exists()
    assert not Hold.objects.exists()
    assert not Operation.objects.filter(kind="hold").exists()
    return answer.status_code, answer.json()["error"]["code"]


def test_a_purchase_holds_the_price_and_joins_the_queue(alice: User, ruby: User, song: MenuItem) -> None:
    answer = buy(alice, song.pk, note="For my sister")

    assert answer.status_code == 201
    body = answer.json()
    bought, item = Purchase.objects.get(), QueueItem.objects.get()
    assert body["purchaseId"] == str(bought.pk)
    assert body["status"] == "queued"
    assert body["queueItem"]["id"] == str(item.pk)
    assert (body["queueItem"]["position"], body["queueItem"]["state"], body["queueItem"]["tokens"]) == (
        1,
        "created",
        40,
    )
    assert (bought.buyer_id, bought.performer_id, bought.item_id) == (alice.pk, ruby.pk, song.pk)
    assert (bought.price_tokens, bought.hold_id, bought.queue_item_id) == (40, item.hold_id, item.pk)
    assert services.notes_of([item.pk]) == {item.pk: "For my sister"}
    assert (item.title, item.description, item.duration_s, item.tokens) == ("A song", "Any ballad", 90, 40)
    assert (item.source_feature, item.source_event_id, item.metadata) == (
        "menus",
        str(bought.pk),
        {"menuItemId": str(song.pk)},
    )
    wallet = escrow.services.wallets_of(alice.pk)[0]
    assert (wallet.available, wallet.held) == (960, 40)


def test_the_answer_shows_the_item_as_it_is_read_later(alice: User, song: MenuItem) -> None:
    shown = buy(alice, song.pk).json()["queueItem"]

    assert world.client_of(alice).get(f"/api/v1/queue/items/{shown['id']}").json() == shown


def test_the_same_key_buys_once(alice: User, song: MenuItem) -> None:
    key = world.key()
    first, second = buy(alice, song.pk, headers=key), buy(alice, song.pk, headers=key)

    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Purchase.objects.count() == 1
    reused = buy(alice, song.pk, headers=key, note="other")
    assert (reused.status_code, reused.json()["error"]["code"]) == (409, IdempotencyKeyReused.code)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"price": 0}, "expectedPrice"),
        ({"price": -40}, "expectedPrice"),
        ({"price": 40.0}, "expectedPrice"),
        ({"price": True}, "expectedPrice"),
        ({"price": "40"}, "expectedPrice"),
        ({"price": None}, "expectedPrice"),
        ({"price": 10**12}, "expectedPrice"),
        ({"note": "a\x00b"}, "note"),
        ({"note": "x" * 201}, "note"),
        ({"note": 5}, "note"),
        ({"amount": 0}, "amount"),
        ({"amount": 40}, "amount"),
        ({"expected_price": 40}, "expected_price"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(alice: User, song: MenuItem, body: dict[str, Any], field: str) -> None:
    answer = buy(alice, song.pk, **body)

    assert refused(answer) == (400, "VALIDATION_FAILED")
    assert set(answer.json()["error"]["details"]) == {field}


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "short"}, {"Idempotency-Key": "not allowed!"}])
def test_a_purchase_needs_a_key(alice: User, song: MenuItem, headers: dict[str, str]) -> None:
    assert refused(buy(alice, song.pk, headers=headers)) == (400, "IDEMPOTENCY_KEY_REQUIRED")


@pytest.mark.parametrize("item_id", [uuid4(), "not-an-id", "0"])
def test_an_unknown_item_is_not_found(alice: User, ruby: User, item_id: UUID | str) -> None:
    assert refused(buy(alice, item_id)) == (404, "NOT_FOUND")


def test_nobody_buys_without_signing_in(song: MenuItem) -> None:
    assert refused(buy(None, song.pk)) == (401, "UNAUTHENTICATED")


def test_a_performer_cannot_buy_from_herself(ruby: User, song: MenuItem) -> None:
    assert refused(buy(ruby, song.pk)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.USER}))
def test_only_users_buy(song: MenuItem, role: str) -> None:
    somebody = world.person(role=role, tokens=100)

    assert refused(buy(somebody, song.pk)) == (403, "ROLE_NOT_ALLOWED")
    assert refused(buy(somebody, uuid4())) == (403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"verified_at": None}, "AGE_VERIFICATION_REQUIRED"), ({"terms_version": 0}, "TERMS_NOT_ACCEPTED")],
)
def test_the_gates_of_compliance_are_checked_before_the_hold(
    alice: User, song: MenuItem, fields: dict[str, Any], code: str
) -> None:
    User.objects.filter(pk=alice.pk).update(**fields)

    assert refused(buy(User.objects.get(pk=alice.pk), song.pk)) == (403, code)


HIDE: dict[str, Callable[[MenuItem], object]] = {
    "item": lambda item: MenuItem.objects.filter(pk=item.pk).update(active=False),
    "parent": lambda item: MenuItem.objects.filter(pk=str(item.parent_id)).update(active=False),
    "menu": lambda item: Menu.objects.filter(pk=item.menu_id).update(active=False),
    "price": lambda item: MenuItem.objects.filter(pk=item.pk).update(price_tokens=None),
}


@pytest.mark.parametrize("hidden", sorted(HIDE))
def test_what_is_not_on_offer_cannot_be_bought(alice: User, ruby: User, hidden: str) -> None:
    menu = menu_of(ruby)
    item = item_in(menu, parent_id=item_in(menu, "Songs", None).pk)
    HIDE[hidden](item)

    assert refused(buy(alice, item.pk)) == (409, "ITEM_UNAVAILABLE")


def test_nothing_of_a_deactivated_performer_is_found(alice: User, ruby: User) -> None:
    item = item_in(menu_of(ruby))
    world.deactivated(ruby)

    assert refused(buy(alice, item.pk)) == (404, "NOT_FOUND")
    assert refused(buy(world.staff(), item.pk)) == (403, "ROLE_NOT_ALLOWED")


def test_the_platforms_items_are_not_sold_yet(alice: User) -> None:
    chips = item_in(menu_of(None, "Chips", type=MenuType.PURCHASABLE), "Ten chips", 40, duration_s=None)

    assert refused(buy(alice, chips.pk)) == (409, "ITEM_UNAVAILABLE")


def test_another_price_than_the_shown_one_is_refused_with_the_new_price(alice: User, song: MenuItem) -> None:
    answer = buy(alice, song.pk, price=39)

    assert refused(answer) == (409, "PRICE_CHANGED")
    assert answer.json()["error"]["details"]["price"] == 40


def test_no_balance_no_purchase(song: MenuItem) -> None:
    assert refused(buy(world.person(tokens=39), song.pk)) == (402, "INSUFFICIENT_BALANCE")


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"is_open": False}, "QUEUE_CLOSED"), ({"is_paused": True}, "QUEUE_PAUSED")],
)
def test_a_queue_that_refuses_leaves_no_hold(
    alice: User, ruby: User, song: MenuItem, settings: dict[str, Any], code: str
) -> None:
    perfqueue.services.configure(performer_id=ruby.pk, **settings)

    assert refused(buy(alice, song.pk)) == (409, code)


def test_a_price_edit_never_touches_a_queued_item(alice: User, ruby: User, song: MenuItem) -> None:
    buy(alice, song.pk)

    services.update_item(actor=ruby, item_id=song.pk, draft=ItemDraft(title="A dance", price_tokens=500, duration_s=5))
    item = QueueItem.objects.get()
    perfqueue.services.start(item_id=item.pk, actor=ruby)
    perfqueue.services.finish(item_id=item.pk, actor=ruby)

    done = QueueItem.objects.get()
    assert (done.title, done.tokens, done.settle_tokens, done.duration_s) == ("A song", 40, 40, 90)
    assert Purchase.objects.get().price_tokens == 40
    assert world.available(alice) == 960


def test_what_was_bought_stays(alice: User, ruby: User, song: MenuItem) -> None:
    buy(alice, song.pk)

    commands: list[Callable[[], object]] = [
        lambda: services.delete_items(actor=ruby, menu_id=song.menu_id, item_ids=[song.pk]),
        lambda: services.delete_menu(actor=ruby, menu_id=song.menu_id),
    ]
    for command in commands:
        with pytest.raises(ItemWasBought):
            command()

    assert MenuItem.objects.filter(pk=song.pk).exists()


def test_a_purchase_first_expires_what_is_due(alice: User, ruby: User, song: MenuItem, clock: Clock) -> None:
    perfqueue.services.configure(performer_id=ruby.pk, depth=1, rope_drop_s=60)
    first = buy(alice, song.pk).json()["queueItem"]["id"]
    clock.shift(seconds=61)

    answer = buy(alice, song.pk)

    assert answer.status_code == 201
    assert QueueItem.objects.get(pk=first).state == State.REFUNDED


def test_a_purchase_takes_few_statements_and_no_savepoint(alice: User, ruby: User, song: MenuItem) -> None:
    perfqueue.services.configure(performer_id=ruby.pk, user_cap=10)
    client, counts = world.client_of(alice), []

    for _ in range(5):
        with CaptureQueriesContext(connection) as run:
            answer = client.post(
                f"/api/v1/menus/items/{song.pk}/purchase", {"expectedPrice": 40}, format="json", headers=world.key()
            )
        assert answer.status_code == 201
        statements = [query["sql"] for query in run if query["sql"] not in ("BEGIN", "COMMIT")]
        assert not any("SAVEPOINT" in sql for sql in statements)
        counts.append(len(statements))

    assert max(counts) <= MOST_STATEMENTS, "\n\n".join(statements)


def test_a_purchase_locks_in_the_agreed_order(alice: User, ruby: User, song: MenuItem) -> None:
    with CaptureQueriesContext(connection) as run:
        buy(alice, song.pk)

    order = [
        "FROM menus_menuitem i WHERE.* FOR NO KEY UPDATE",
        "FROM perfqueue_performerqueue q.* FOR NO KEY UPDATE",
        "FROM escrow_locked_wallets",
        "FROM escrow_open",
        "INSERT INTO core_idempotencykey",
    ]
    places = [[place for place, query in enumerate(run) if re.search(step, query["sql"], re.S)] for step in order]
    assert all(len(found) == 1 for found in places)
    assert places == sorted(places)


def test_concurrent_buyers_of_one_item_fill_the_queue_exactly(ruby: User, song: MenuItem) -> None:
    perfqueue.services.configure(performer_id=ruby.pk, depth=3)
    buyers = [world.person(tokens=100) for _ in range(8)]

    answers = race(*(lambda buyer=buyer: buy(buyer, song.pk).status_code for buyer in buyers))

    assert sorted(answers) == [201] * 3 + [409] * 5
    assert (Purchase.objects.count(), Hold.objects.count()) == (3, 3)


@pytest.mark.parametrize(("changed", "code"), [("item", "PRICE_CHANGED"), ("heading", "ITEM_UNAVAILABLE")])
def test_a_buyer_who_waits_for_an_edit_meets_what_it_left(alice: User, ruby: User, changed: str, code: str) -> None:
    """An edit locks all items of a menu. The state of the heading is no part of the row that the buyer waits for."""
    menu = menu_of(ruby)
    heading = item_in(menu, "Songs", None, duration_s=None)
    song = item_in(menu, "A song", 40, duration_s=90, parent_id=heading.pk)
    draft = ItemDraft(title="A song", price_tokens=50, duration_s=90, parent_id=heading.pk)
    edited, draft = (song, draft) if changed == "item" else (heading, ItemDraft(title="Songs", active=False))

    with transaction.atomic():
        services.update_item(actor=ruby, item_id=edited.pk, draft=draft)
        waiting = Concurrent(lambda: buy(alice, song.pk))
        waiting.assert_blocked()

    assert refused(waiting.result()) == (409, code)


def test_a_purchase_that_waits_for_its_wallet_is_no_older_than_what_it_waited_for(alice: User, song: MenuItem) -> None:
    """Entries of a wallet follow each other in time, as their versions do."""
    wallet = Wallet.objects.filter(owner_id=alice.pk, currency=Currency.TOKEN)

    with transaction.atomic():
        assert wallet.select_for_update(no_key=True).get()
        waiting = Concurrent(lambda: buy(alice, song.pk))
        waiting.assert_blocked()
        escrow.services.deposit(Deposit(str(uuid4()), alice.pk, Currency.TOKEN, 5, House.SALES))

    assert waiting.result().status_code == 201
    times = list(Entry.objects.filter(wallet__in=wallet).order_by("version").values_list("at", flat=True))
    assert times == sorted(times)
