"""Spins and purchases, good ones and each refusal, in both processes: the same answers, the same rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import perfqueue.services
from accounts.models import Role, User
from core.ids import new_id
from escrow.tests.factories import freeze
from slots import services as slots
from tests.equality.servers import Got, Pair, Sent, signed
from tests.equality.twins import World, same_in_both, token_of
from tests.hostile.asking import song_of
from tests.world import performer, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
SPIN = "/api/v1/slot-machine/spin"
NONCE = "ab" * 16


@pytest.fixture(autouse=True)
def one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first draw of every player who has a slot state is the same; the seeds after it are drawn by the servers."""
    monkeypatch.setattr("slots.services.storage.fresh_seed", lambda: b"s" * 32)


def spinner(*, points: int = 1_000, **changes: Any) -> User:
    """A player with a slot state: without one the first spin is the ordinary endpoint's."""
    user = person(points=points)
    slots.fairness(user=user)
    User.objects.filter(pk=user.pk).update(**changes)
    return user


def spin(user: User, *, key: str = "", **body: Any) -> Sent:
    return asking(user, SPIN, {"betAmount": 100, "clientNonce": NONCE} | body, key=key)


def asking(user: User, path: str, body: dict[str, Any], *, key: str = "") -> Sent:
    written = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    return Sent(path=path, body=written, headers=signed(token_of(user), **({"Idempotency-Key": key} if key else {})))


def codes(answers: tuple[Got, ...]) -> list[int]:
    return [answer.status for answer in answers]


def frozen() -> User:
    user = spinner()
    freeze(user)
    return user


SPINS: dict[str, tuple[Callable[[], World], list[int]]] = {
    "plain": (lambda: alone(spinner()), [200]),
    "in a room": (lambda: alone(spinner(), performerId=str(performer().pk)), [200]),
    "with a seed": (lambda: alone(spinner(), clientSeed="mine é 🎰"), [200]),
    "invalid bet": (lambda: alone(spinner(), betAmount=101), [422]),
    "too poor": (lambda: alone(spinner(points=99)), [402]),
    "frozen": (lambda: alone(frozen()), [403]),
    "nobody's room": (lambda: alone(spinner(), performerId=str(new_id())), [404]),
    "not verified": (lambda: alone(spinner(verified_at=None)), [403]),
    "old terms": (lambda: alone(spinner(terms_version=0)), [403]),
    "another role": (lambda: alone(spinner(role=Role.SUPPORT)), [403]),
    "stale commitment": (lambda: alone(spinner(), commitment="00" * 32), [409]),
    "another paytable": (lambda: alone(spinner(), paytableDigest="00" * 32), [409]),
}


def alone(user: User, **body: Any) -> World:
    return World(user, [spin(user, **body)])


@pytest.mark.parametrize("case", SPINS)
def test_a_spin(pair: Pair, case: str) -> None:
    make, statuses = SPINS[case]

    assert codes(same_in_both(pair, make).answers) == statuses


def bought(buyer: User, item_id: object, *, key: str = "", **body: Any) -> Sent:
    return asking(buyer, f"/api/v1/menus/items/{item_id}/purchase", {"expectedPrice": 40} | body, key=key)


def purchase(*, tokens: int = 100, changes: dict[str, Any] | None = None, **body: Any) -> World:
    buyer = person(tokens=tokens)
    song = song_of(performer())
    User.objects.filter(pk=buyer.pk).update(**(changes or {}))
    return World(buyer, [bought(buyer, song.pk, **body)])


def in_a_queue_that(**settings: Any) -> World:
    ruby, buyer = performer(), person(tokens=100)
    song = song_of(ruby)
    perfqueue.services.configure(performer_id=ruby.pk, **settings)
    return World(buyer, [bought(buyer, song.pk)])


def own_item() -> World:
    ruby = performer()
    return World(ruby, [bought(ruby, song_of(ruby).pk)])


PURCHASES: dict[str, tuple[Callable[[], World], list[int]]] = {
    "plain": (purchase, [201]),
    "with a note": (lambda: purchase(note="für Ruby 🎵"), [201]),
    "another price": (lambda: purchase(expectedPrice=41), [409]),
    "too poor": (lambda: purchase(tokens=39), [402]),
    "nobody's item": (lambda: World(b := person(tokens=100), [bought(b, new_id())]), [404]),
    "not verified": (lambda: purchase(changes={"verified_at": None}), [403]),
    "old terms": (lambda: purchase(changes={"terms_version": 0}), [403]),
    "another role": (lambda: purchase(changes={"role": Role.SUPPORT}), [403]),
    "one's own": (own_item, [403]),
    "closed": (lambda: in_a_queue_that(is_open=False), [409]),
    "paused": (lambda: in_a_queue_that(is_paused=True), [409]),
}


@pytest.mark.parametrize("case", PURCHASES)
def test_a_purchase(pair: Pair, case: str) -> None:
    make, statuses = PURCHASES[case]

    assert codes(same_in_both(pair, make).answers) == statuses


def test_replays_and_reused_keys(pair: Pair) -> None:
    def make() -> World:
        user = spinner()
        first = spin(user, key="one-key-for-both")
        other = spin(user, key="one-key-for-both", betAmount=200)
        song = song_of(performer())
        buyer = bought(user, song.pk)
        return World(user, [first, first, other, buyer, buyer, replace(buyer, body=b'{"expectedPrice": 41}')])

    seen = same_in_both(pair, make)

    assert codes(seen.answers) == [200, 200, 409, 402, 402, 409]
