"""One key sent many times at once through the real endpoints: one effect, as many equal answers."""

from collections.abc import Callable
from typing import Any

import pytest

import perfqueue.services
from accounts.models import Role, User
from core.models import IdempotencyKey
from menus import services as menus
from menus.services import ItemDraft, MenuDraft
from perfqueue.models import QueueItem, Transition
from tests.concurrency.naive import Twin
from tests.racing import race
from tests.world import available, buy, client_of, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = 20


def at_once(user: User, path: str, body: dict[str, Any], *, times: int = TIMES) -> Any:
    """Send the same request many times at once; return the one answer that all were given."""

    def send() -> Any:
        headers = {"Idempotency-Key": "the-same-key"}
        return client_of(user).post(f"/api/v1/{path}", body, format="json", headers=headers)

    answers = race(*[send] * times)

    assert {type(answer).__name__ for answer in answers} == {"HttpResponse"}, answers
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == [""] + ["true"] * (times - 1)
    assert IdempotencyKey.objects.count() == 1
    return answers[0]


def song_of(ruby: User, price: int) -> Any:
    menu = menus.create_menu(actor=ruby, draft=MenuDraft(title="On stage", owner_id=ruby.pk))
    draft = ItemDraft(title="A song", price_tokens=price, duration_s=60)
    return menus.create_item(actor=User(role=Role.ADMIN), menu_id=menu.pk, draft=draft)


def test_a_purchase_is_made_once() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    song = song_of(ruby, 40)

    answer = at_once(alice, f"menus/items/{song.pk}/purchase", {"expectedPrice": 40})

    assert answer.status_code == 201
    assert answer.json()["queueItem"]["id"] == str(QueueItem.objects.get().pk)
    assert available(alice) == 960


def test_an_item_is_started_once() -> None:
    ruby = performer()
    item = buy(person(tokens=100), ruby)

    answer = at_once(ruby, f"queue/items/{item.id}/start", {})

    assert (answer.status_code, answer.json()["state"]) == (200, "started")
    assert Transition.objects.filter(item=item).count() == 2


def test_an_item_is_split_once() -> None:
    ruby, alice = performer(fee_bps=1_000), person(tokens=100)
    item = buy(alice, ruby)
    perfqueue.services.start(item_id=item.id, actor=ruby)

    answer = at_once(ruby, f"queue/items/{item.id}/finish", {"settleTokens": 61, "reason": "half a song"})

    assert (answer.json()["settledTokens"], answer.json()["refundedTokens"]) == (61, 39)
    assert available(alice) == 39


def test_a_buyer_leaves_once() -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby)

    answer = at_once(alice, f"queue/items/{item.id}/leave", {})

    assert answer.json()["state"] == "refunded"
    assert available(alice) == 100


def test_a_bulk_refund_is_made_once() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    ids = [str(buy(alice, ruby).id) for _ in range(3)]

    answer = at_once(staff(), "admin/queue/refunds", {"ids": ids, "reason": "power cut"})

    assert answer.json()["totals"] == {"items": 3, "refunded": 3, "tokens": 300}
    assert available(alice) == 1_000


def test_a_spin_is_made_once(settings: Any) -> None:
    from escrow.services import Currency
    from slots.models import Spin

    settings.SLOTS_MIN_INTERVAL_MS = 0
    alice = person(points=1_000)

    answer = at_once(alice, "slot-machine/spin", {"betAmount": 100}, times=50)

    assert answer.status_code == 200
    assert Spin.objects.count() == 1
    assert available(alice, Currency.POINT) == answer.json()["newBalance"]


def test_control_a_naive_look_up_before_the_work_lets_all_of_them_work(twin: Callable[..., Twin]) -> None:
    key = twin(attempts=TIMES, known=0, effects=0)

    def send() -> bool:
        return key.attempt(lambda seen: not seen["known"], "known = 1, effects = effects + 1")

    assert race(*[send] * TIMES) == [True] * TIMES
    assert key.facts()["effects"] == TIMES
