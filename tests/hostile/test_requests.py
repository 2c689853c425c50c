"""Keys, ids, owners, roles and balances that do not fit: the envelope, the right code, nothing written."""

from collections.abc import Callable
from typing import Any

import pytest

import perfqueue.services
from accounts.models import Role, User
from core.ids import new_id
from tests.hostile.asking import code, nothing_written, send, song_of
from tests.world import buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)

KEYED: dict[str, tuple[str, str, Callable[[], User]]] = {
    "queue/items/{}/start": ("{}", "item", performer),
    "queue/items/{}/finish": ("{}", "item", performer),
    "queue/items/{}/abandon": ("{}", "item", performer),
    "queue/items/{}/refund": ("{}", "item", performer),
    "queue/items/{}/leave": ("{}", "item", person),
    "admin/queue/items/{}/refund": ('{"reason": "x"}', "item", staff),
    "admin/queue/items/{}/resolve": ('{"reason": "x"}', "item", staff),
    "admin/queue/refunds": (f'{{"ids": ["{new_id()}"], "reason": "x"}}', "", staff),
    "menus/items/{}/purchase": ('{"expectedPrice": 40}', "song", lambda: person(tokens=1_000)),
    "slot-machine/spin": ('{"betAmount": 100}', "", lambda: person(points=1_000)),
}
BAD_KEYS = [
    None,
    "short77",
    "a" * 129,
    "with space",
    "umläut-key",
    "key;drop",
    "tab\tkey1",
    "key.with.dots",
    "12345678\n",
    " 12345678",
    "'; DROP TABLE",
]


@pytest.mark.parametrize("path", KEYED)
def test_a_missing_or_malformed_key_is_refused(path: str) -> None:
    body, _, caller = KEYED[path]
    user = caller()

    with nothing_written():
        for bad in BAD_KEYS:
            answer = send(user, path.format(new_id()), body, key=bad or None)
            assert code(answer) == (400, "IDEMPOTENCY_KEY_REQUIRED"), bad


def test_a_key_of_eight_or_of_128_characters_is_sound() -> None:
    ruby, alice = performer(), person(tokens=1_000)

    for key in ("Aa0_-Zz9", "k" * 128):
        item = buy(alice, ruby)
        assert send(alice, f"queue/items/{item.id}/leave", key=key).status_code == 200


IDS = [
    "00000000-0000-0000-0000-000000000000",
    "01890000-0000-7000-8000-000000000000",
    "01890000000070008000000000000000",
    "{01890000-0000-7000-8000-000000000000}",
    "urn:uuid:01890000-0000-7000-8000-000000000000",
    "0",
    "-1",
    "null",
    "..",
    "%00",
    "%ED%A0%80",
    "%F0%9F%92%A9",
    "'%20OR%201=1--",
    "a" * 2_000,
]


@pytest.mark.parametrize("path", [path for path in KEYED if "{}" in path])
def test_an_unknown_or_malformed_id_is_not_found(path: str) -> None:
    body, _, caller = KEYED[path]
    user = caller()

    with nothing_written():
        for each in IDS:
            assert code(send(user, path.format(each), body)) == (404, "NOT_FOUND"), each


@pytest.mark.parametrize("path", [path for path in KEYED if path.startswith("queue/")])
@pytest.mark.parametrize("state", ["created", "started", "finished"])
def test_somebody_elses_item_is_forbidden_whatever_its_state(path: str, state: str) -> None:
    body, _, caller = KEYED[path]
    ruby = performer()
    item = buy(person(tokens=100), ruby)
    if state != "created":
        perfqueue.services.start(item_id=item.id, actor=ruby)
    if state == "finished":
        perfqueue.services.finish(item_id=item.id, actor=ruby)
    stranger = caller()

    with nothing_written():
        assert code(send(stranger, path.format(item.id), body)) == (403, "FORBIDDEN")


ALLOWED = {
    "queue/items/{}/leave": {Role.USER},
    "queue/items/{}/start": {Role.PERFORMER, Role.SUPPORT, Role.ADMIN},
    "queue/items/{}/finish": {Role.PERFORMER, Role.SUPPORT, Role.ADMIN},
    "queue/items/{}/abandon": {Role.PERFORMER, Role.SUPPORT, Role.ADMIN},
    "queue/items/{}/refund": {Role.PERFORMER, Role.SUPPORT, Role.ADMIN},
    "admin/queue/items/{}/refund": {Role.SUPPORT, Role.ADMIN},
    "admin/queue/items/{}/resolve": {Role.SUPPORT, Role.ADMIN},
    "admin/queue/refunds": {Role.SUPPORT, Role.ADMIN},
    "menus/items/{}/purchase": {Role.USER, Role.PERFORMER},
    "slot-machine/spin": {Role.USER},
}


@pytest.mark.parametrize("path", KEYED)
def test_a_wrong_role_is_refused(path: str) -> None:
    body, subject, _ = KEYED[path]
    ruby = performer()
    found: object = buy(person(tokens=100), ruby).id if subject == "item" else song_of(ruby).pk
    others = [person(role=role, tokens=100, points=100) for role in set(Role) - ALLOWED[path]]

    with nothing_written(but=("compliance_refusal",) if path == "slot-machine/spin" else ()):
        for user in others:
            assert code(send(user, path.format(found), body)) == (403, "ROLE_NOT_ALLOWED"), user.role


def test_a_key_of_another_request_is_refused_and_does_nothing() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    first, second = buy(alice, ruby), buy(alice, ruby)
    song = song_of(ruby)
    assert send(alice, f"queue/items/{first.id}/leave", key="the-key-1").status_code == 200
    assert send(alice, f"menus/items/{song.pk}/purchase", '{"expectedPrice": 40}', key="the-key-1").status_code == 201

    with nothing_written():
        for path, body in (
            (f"queue/items/{second.id}/leave", "{}"),
            (f"menus/items/{song.pk}/purchase", '{"expectedPrice": 41}'),
            (f"menus/items/{song.pk}/purchase", '{"expectedPrice": 40, "note": ""}'),
            (f"menus/items/{new_id()}/purchase", '{"expectedPrice": 40}'),
        ):
            assert code(send(alice, path, body, key="the-key-1")) == (409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("balance", [0, 1, 39])
def test_no_balance_no_purchase_and_no_spin(balance: int) -> None:
    song, poor = song_of(performer()), person(tokens=balance, points=balance)

    with nothing_written():
        answer = send(poor, f"menus/items/{song.pk}/purchase", '{"expectedPrice": 40}')
        assert code(answer) == (402, "INSUFFICIENT_BALANCE")
        assert answer.json()["error"]["details"] == {"needed": 40, "available": balance, "currency": "TOKEN"}
    with nothing_written(but=("compliance_refusal",)):
        assert code(send(poor, "slot-machine/spin", '{"betAmount": 100}')) == (402, "INSUFFICIENT_BALANCE")


@pytest.mark.parametrize("bet", [1, 99, 101, 200, 1_000_000_000])
def test_another_bet_is_not_played(bet: int) -> None:
    rich = person(points=1_000_000)

    with nothing_written(but=("compliance_refusal",)):
        answer = send(rich, "slot-machine/spin", f'{{"betAmount": {bet}}}')
        assert code(answer) == (422, "INVALID_BET")
        assert answer.json()["error"]["details"] == {"allowed": [100]}


FIXED: dict[str, Any] = {
    "a price that is not the price": ('{"expectedPrice": 41}', 409, "PRICE_CHANGED"),
    "the smallest price": ('{"expectedPrice": 1}', 409, "PRICE_CHANGED"),
    "the largest price": ('{"expectedPrice": 1000000000}', 409, "PRICE_CHANGED"),
}


@pytest.mark.parametrize("case", FIXED)
def test_a_price_is_never_the_buyers_to_name(case: str) -> None:
    body, status, expected = FIXED[case]
    song, alice = song_of(performer()), person(tokens=1_000_000)

    with nothing_written():
        assert code(send(alice, f"menus/items/{song.pk}/purchase", body)) == (status, expected)


def test_a_performer_buys_nothing_from_herself() -> None:
    ruby = performer()
    song = song_of(ruby)

    with nothing_written():
        assert code(send(ruby, f"menus/items/{song.pk}/purchase", '{"expectedPrice": 40}')) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer x", "Bearer a.b.c", "Basic YWxpY2U6eA==", "Bearer " + "x" * 10_000, "bearer \x7f", "Bearer é"],
)
def test_a_forged_token_opens_nothing(header: str) -> None:
    with nothing_written():
        for path in ("wallet", "me", "queue/items"):
            answer = send(None, path, b"", method="GET", Authorization=header)
            assert code(answer) == (401, "UNAUTHENTICATED")
            assert answer.headers["WWW-Authenticate"]
