"""Purchases of many buyers in one transaction."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

import perfqueue.services
from accounts.callers import Claims
from accounts.models import User
from core.db import rows
from core.fields import MAX_AMOUNT
from core.ids import new_id
from escrow.models import Wallet
from escrow.services import auditing
from menus.api import BuyItem
from menus.batched import PURCHASE, PURCHASES
from menus.models import MenuItem, Purchase
from menus.services import Order
from menus.services.buying import BUYERS
from menus.tests.factories import item_in, menu_of
from perfqueue.models import PerformerQueue, QueueItem
from tests import world
from tests.clock import Clock
from tests.together import asked, codes, locked_elsewhere, together

pytestmark = pytest.mark.django_db(transaction=True)


def song_of(performer: User, price: int = 40) -> MenuItem:
    return item_in(menu_of(performer), "A song", price, duration_s=90)


def order(item: MenuItem, price: int | None = None, **more: Any) -> Order:
    return Order(item_id=item.pk, expected_price=item.price_tokens or 0 if price is None else price, **more)


def test_buyers_of_many_queues_join_in_the_order_of_their_requests() -> None:
    songs = [song_of(performer) for performer in world.performers(3, depth=10)]
    buyers = world.people(12, tokens=100)

    outcomes = together(PURCHASE, [asked(buyer, order(songs[n % 3])) for n, buyer in enumerate(buyers)])

    assert codes(outcomes) == ["Answer"] * 12
    answers = [json.loads(outcome.body)["queueItem"] for outcome in outcomes]
    assert [answer["position"] for answer in answers] == [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    assert [answer["ropeDropAt"] is not None for answer in answers] == [True] * 3 + [False] * 9
    stored = {item.pk: item for item in QueueItem.objects.all()}
    assert [stored[UUID(answer["id"])].turn for answer in answers] == [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3


def test_a_refusal_is_its_own_buyers_and_writes_nothing() -> None:
    ruby, other = world.performers(2, depth=3, user_cap=1)
    song, elsewhere = song_of(ruby), song_of(other)
    perfqueue.services.close_queue(performer_id=other.pk, actor=other)
    poor, rich = world.people(2, tokens=10)[0], world.people(8, tokens=100)
    blocked = rich[5]
    perfqueue.services.block(performer_id=ruby.pk, user_id=blocked.pk, actor=ruby)
    tokens = Wallet.objects.get(owner=rich[6], currency="TOKEN")
    auditing.freeze(wallet_id=tokens.pk, actor_id=world.staff().pk, reason="looked at")
    asks = [
        asked(rich[0], order(song)),
        asked(poor, order(song)),
        asked(rich[1], order(song, 39)),
        asked(rich[2], order(elsewhere)),
        asked(rich[6], order(song)),
        asked(blocked, order(song)),
        asked(ruby, order(song)),
        asked(rich[3], order(song, amount=40)),
        asked(rich[4], order(song)),
        asked(rich[7], order(song)),
        asked(world.person(tokens=100), order(song)),
    ]

    outcomes = together(PURCHASE, asks)

    assert codes(outcomes) == [
        "Answer",
        "INSUFFICIENT_BALANCE",
        "PRICE_CHANGED",
        "QUEUE_CLOSED",
        "WALLET_FROZEN",
        "FORBIDDEN",
        "FORBIDDEN",
        "VALIDATION_FAILED",
        "Answer",
        "Answer",
        "QUEUE_FULL",
    ]
    bought = {rich[0].pk, rich[4].pk, rich[7].pk}
    assert set(Purchase.objects.values_list("buyer_id", flat=True)) == bought
    assert {row["caller"] for row in rows("SELECT caller FROM core_idempotencykey")} == bought


def test_what_another_transaction_has_locked_is_left_out_alone() -> None:
    ruby, other = world.performers(2)
    songs = [song_of(ruby), song_of(other), song_of(ruby), song_of(other)]
    buyers = world.people(4, tokens=100)

    wallet = Wallet.objects.filter(owner=buyers[1], currency="TOKEN")
    with locked_elsewhere(MenuItem.objects.filter(pk=songs[0].pk), wallet):
        asks = [asked(buyer, order(song)) for buyer, song in zip(buyers, songs, strict=True)]
        assert codes(together(PURCHASE, asks)) == ["Later", "Later", "Answer", "Answer"]


def test_a_queue_that_is_locked_or_has_something_due_is_left_to_the_ordinary_endpoint(clock: Clock) -> None:
    ruby, other, third = world.performers(3, rope_drop_s=60)
    songs = [song_of(each) for each in (ruby, other, third)]
    buyers = world.people(4, tokens=100)
    assert codes(together(PURCHASE, [asked(buyers[3], order(songs[0]))])) == ["Answer"]
    clock.shift(seconds=61)

    with locked_elsewhere(PerformerQueue.objects.filter(pk=other.pk)):
        asks = [asked(buyer, order(song)) for buyer, song in zip(buyers, songs, strict=False)]
        assert codes(together(PURCHASE, asks)) == ["Later", "Later", "Answer"]


def test_a_known_key_is_answered_as_it_was_and_another_request_by_it_is_refused() -> None:
    song = song_of(world.performer())
    alice, bob = world.people(2, tokens=100)
    (first,) = together(PURCHASE, [asked(alice, order(song), key="one-key-of-hers", fingerprint=b"1")])

    again, reused, other = together(
        PURCHASE,
        [
            asked(alice, order(song), key="one-key-of-hers", fingerprint=b"1"),
            asked(alice, order(song), key="one-key-of-hers", fingerprint=b"2"),
            asked(bob, order(song), key="one-key-of-hers", fingerprint=b"1"),
        ],
    )

    assert (again.body, again.status, again.replayed) == (first.body, 201, True)
    assert codes([reused, other]) == ["IDEMPOTENCY_KEY_REUSED", "Answer"]


def test_a_token_of_another_password_buys_nothing_and_is_answered_no_key() -> None:
    song, alice = song_of(world.performer()), world.person(tokens=100)
    together(PURCHASE, [asked(alice, order(song), key="one-key-of-hers")])
    claims = Claims(user_id=alice.pk, password="other", epoch=0, expires_at_s=0)

    assert codes(together(PURCHASE, [asked(alice, order(song), key="one-key-of-hers", claims=claims)])) == [
        "UNAUTHENTICATED"
    ]


OWN = {
    *("id", "at", "created_at", "operation_id", "wallet_id", "hold_id", "item_id", "payer_id", "payee_id", "user_id"),
    *("performer_id", "buyer_id", "queue_item_id", "actor", "key", "fingerprint", "idempotency_key", "source_event_id"),
    *("metadata", "variables", "room", "recipient", "request_id", "meta", "xid", "version", "rope_drop_at"),
    "max_wait_at",
}
"""Columns with ids and times."""
COMPARED = {
    "escrow_operation": "'length', octet_length(t.fingerprint), 'named', t.meta ? 'requestId'",
    "escrow_hold": "",
    "escrow_entry": "",
    "perfqueue_queueitem": "'drops', t.rope_drop_at - t.created_at, 'ends', t.max_wait_at - t.created_at",
    "perfqueue_transition": "'named', t.request_id <> ''",
    "live_event": "'title', t.variables->'title', 'key', t.key, 'room', t.room IS NULL, 'to', t.recipient IS NULL",
    "menus_purchase": "",
}
"""The tables that a purchase writes, and what is compared beside their other columns."""


def written() -> Counter[str]:
    """Count the rows of these tables by what they say."""
    found = Counter[str]()
    for table, more in COMPARED.items():
        sql = f"SELECT to_jsonb(t) - %s::text[] || jsonb_build_object({more}) AS row FROM {table} t"  # noqa: S608
        found.update(json.dumps([table, row["row"]], sort_keys=True) for row in rows(sql, [list(OWN)]))
    return found


def test_a_list_writes_the_rows_that_its_requests_write_alone() -> None:
    songs = [song_of(performer) for performer in world.performers(2, depth=5)]
    start = written()
    alone = [
        together(PURCHASE, [asked(buyer, order(songs[0], note="Hi"))], wait=True)[0]
        for buyer in world.people(6, tokens=100)
    ]
    middle = written()
    asks = [asked(buyer, order(songs[1], note="Hi")) for buyer in world.people(6, tokens=100)]
    listed = together(PURCHASE, asks)

    assert codes(listed) == codes(alone) == ["Answer"] * 5 + ["QUEUE_FULL"]
    assert written() - middle == middle - start


FIELDS = {
    "expectedPrice": st.one_of(st.integers(-2, MAX_AMOUNT + 2), st.just(40), st.booleans(), st.none(), st.text()),
    "note": st.one_of(st.text(max_size=210), st.just("Hi"), st.none(), st.integers()),
    "amount": st.one_of(st.integers(0, 3), st.none()),
    "other": st.none(),
}


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_a_plain_body_means_what_the_ordinary_endpoint_reads(body: dict[str, Any]) -> None:
    item = new_id()
    address = PURCHASES.path.match(f"/api/v1/menus/items/{item}/purchase")
    assert address is not None

    plain = PURCHASES.plain(body, address)

    if plain is not None:
        parsed = BuyItem.Input(data=body)
        assert parsed.is_valid(), parsed.errors
        assert plain == Order(item_id=item, **parsed.validated_data)


def test_the_usual_body_is_plain() -> None:
    address = PURCHASES.path.match(f"/api/v1/menus/items/{new_id()}/purchase")
    assert address is not None

    assert PURCHASES.plain({"expectedPrice": 40, "note": "For my sister"}, address) is not None
    assert PURCHASES.plain({"expectedPrice": 40}, address) is not None


@pytest.mark.parametrize("path", ["/api/v1/menus/items/{}/purchases", "/x/api/v1/menus/items/{}/purchase", "{}\n"])
def test_only_the_whole_address_is_the_endpoints(path: str) -> None:
    whole = f"/api/v1/menus/items/{new_id()}/purchase"

    assert PURCHASES.path.match(whole)
    assert not PURCHASES.path.match(path.format(whole if path == "{}\n" else new_id()))


def test_the_queue_of_an_item_is_looked_up_by_keys_whatever_the_statistics_say() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_nestloop = off; SET enable_seqscan = off")
        cursor.execute("EXPLAIN " + BUYERS, {"items": [], "buyers": []})
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index Cond: (id = a.item_id)" in plan, plan
    assert "Index Cond: (id = o.menu_id)" in plan, plan
