"""Staff's endpoints: refunds one by one and in bulk, ends of reviews, every item to read."""

from typing import Any

import pytest

from accounts.models import Role, User
from core.ids import new_id
from core.models import IdempotencyKey
from perfqueue import services
from perfqueue.models import QueueItem, Transition
from perfqueue.services import AbandonPolicy
from tests.clock import Clock
from tests.world import again, available, buy, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/admin/queue"


@pytest.fixture
def alice() -> User:
    return person(tokens=10_000)


@pytest.fixture
def ruby() -> User:
    return performer(user_cap=200, depth=200)


def post(actor: User | None, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client_of(actor).post(f"{API}/{path}", body, format="json", headers=key() if headers is None else headers)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_bulk_refund_returns_each_items_result_in_the_order_given(support: User, alice: User, ruby: User) -> None:
    waiting, started, final = buy(alice, ruby, 30), buy(alice, ruby, 20), buy(alice, ruby, 10)
    other = buy(alice, performer(), 5)
    services.leave(item_id=final.id, actor=alice)
    services.leave(item_id=waiting.id, actor=alice)
    waiting = buy(alice, ruby, 30)
    services.start(item_id=started.id, actor=ruby)
    unknown = new_id()

    answer = post(
        support, "refunds", ids=[str(i) for i in (started.id, unknown, final.id, other.id, waiting.id)], reason="x"
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "results": [
            {"id": str(started.id), "code": None},
            {"id": str(unknown), "code": "NOT_FOUND"},
            {"id": str(final.id), "code": "INVALID_TRANSITION"},
            {"id": str(other.id), "code": None},
            {"id": str(waiting.id), "code": None},
        ],
        "totals": {"items": 5, "refunded": 3, "tokens": 55},
    }
    assert available(alice) == 10_000
    steps = Transition.objects.filter(to_state="refunded", actor=support.pk)
    assert {(step.item_id, step.reason) for step in steps} == {(i.id, "x") for i in (started, other, waiting)}


def test_a_dry_run_returns_the_same_and_writes_nothing(support: User, alice: User, ruby: User) -> None:
    items = [buy(alice, ruby, 30) for _ in range(3)]
    ids = [str(item.id) for item in items]

    dry = post(support, "refunds", ids=ids, reason="x", dryRun=True)
    assert [again(item).state for item in items] == ["created"] * 3
    real = post(support, "refunds", ids=ids, reason="x", dryRun=False)

    assert dry.json() == real.json()
    assert real.json()["totals"] == {"items": 3, "refunded": 3, "tokens": 90}
    assert [again(item).state for item in items] == ["refunded"] * 3


def test_the_next_item_is_armed_when_the_head_is_refunded_in_bulk(support: User, alice: User, ruby: User) -> None:
    first, second, third = buy(alice, ruby), buy(alice, ruby), buy(alice, ruby)

    post(support, "refunds", ids=[str(first.id), str(second.id)], reason="x")

    head = again(third)
    assert head.rope_drop_at is not None


def test_what_is_due_expires_before_staff_act(support: User, alice: User, clock: Clock) -> None:
    ruby = performer(rope_drop_s=30)
    late, next_one = buy(alice, ruby, 30), buy(alice, ruby, 20)
    clock.shift(seconds=31)

    answer = post(support, "refunds", ids=[str(late.id), str(next_one.id)], reason="x")

    assert [each["code"] for each in answer.json()["results"]] == ["INVALID_TRANSITION", None]
    assert (again(late).cause, again(next_one).reason) == ("ROPE_DROP_EXPIRED", "x")
    assert available(alice) == 10_000


def test_the_same_id_twice_is_refunded_once(support: User, alice: User, ruby: User) -> None:
    item = buy(alice, ruby, 30)

    answer = post(support, "refunds", ids=[str(item.id), str(item.id)], reason="x")

    assert answer.json()["totals"] == {"items": 1, "refunded": 1, "tokens": 30}


def test_fifty_ids_are_answered_at_once(support: User, alice: User, ruby: User) -> None:
    item = buy(alice, ruby, 30)
    others = [str(new_id()) for _ in range(49)]

    answer = post(support, "refunds", ids=[str(item.id), *others], reason="x")

    assert answer.status_code == 200
    assert answer.json()["totals"] == {"items": 50, "refunded": 1, "tokens": 30}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [], "reason": "x"},
        {"ids": ["nothing"], "reason": "x"},
        {"ids": "01890000-0000-7000-8000-000000000000", "reason": "x"},
        {"ids": [None], "reason": "x"},
        {"ids": ["01890000-0000-7000-8000-000000000000"]},
        {"ids": ["01890000-0000-7000-8000-000000000000"], "reason": ""},
        {"ids": ["01890000-0000-7000-8000-000000000000"], "reason": "  "},
        {"ids": ["01890000-0000-7000-8000-000000000000"], "reason": "x" * 501},
        {"ids": ["01890000-0000-7000-8000-000000000000"], "reason": "x", "dryRun": "true"},
        {"ids": ["01890000-0000-7000-8000-000000000000"], "reason": "x", "dryRun": 1},
        {"ids": ["01890000-0000-7000-8000-000000000000"], "reason": "x", "dry_run": True},
    ],
)
def test_a_bulk_refund_that_makes_no_sense_is_refused(support: User, body: dict[str, Any]) -> None:
    assert code(post(support, "refunds", **body)) == (400, "VALIDATION_FAILED")
    assert not IdempotencyKey.objects.exists()


def test_a_repeated_bulk_refund_gets_the_first_answer(support: User, alice: User, ruby: User) -> None:
    headers, ids = {"Idempotency-Key": "the-key-1"}, [str(buy(alice, ruby, 30).id)]
    first = post(support, "refunds", headers, ids=ids, reason="x")

    repeated = post(support, "refunds", headers, ids=ids, reason="x")

    assert repeated.content == first.content
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert code(post(support, "refunds", headers, ids=ids, reason="y")) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert code(post(support, "refunds", headers, ids=ids, reason="x", dryRun=True)) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert code(post(support, "refunds", {}, ids=ids, reason="x")) == (400, "IDEMPOTENCY_KEY_REQUIRED")


DESK = {Role.SUPPORT, Role.ADMIN}


@pytest.mark.parametrize("path", ["refunds", "items/{}/refund", "items/{}/resolve"])
def test_money_is_moved_by_support_and_admins_only(alice: User, ruby: User, path: str) -> None:
    item = buy(alice, ruby)
    body: dict[str, Any] = {"reason": "x"} | ({"ids": [str(item.id)]} if path == "refunds" else {})

    assert code(post(None, path.format(item.id), **body)) == (401, "UNAUTHENTICATED")
    for role in set(Role) - DESK:
        assert code(post(person(role=role), path.format(item.id), **body)) == (403, "ROLE_NOT_ALLOWED")
    assert again(item).state == "created"


@pytest.mark.parametrize("state", ["created", "started", "abandoned"])
def test_staff_refund_from_any_open_state(support: User, alice: User, state: str) -> None:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW)
    item = brought_to(state, buy(alice, ruby, 100), ruby)

    answer = post(support, f"items/{item.id}/refund", reason="sorry")

    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "refunded", "sorry")
    assert available(alice) == 10_000
    assert code(post(support, f"items/{item.id}/refund", reason="sorry")) == (409, "INVALID_TRANSITION")


def brought_to(state: str, item: QueueItem, ruby: User) -> QueueItem:
    if state in ("started", "abandoned"):
        services.start(item_id=item.id, actor=ruby)
    if state == "abandoned":
        services.abandon(item_id=item.id, actor=ruby)
    assert again(item).state == state
    return item


def test_a_review_ends_in_a_split_or_in_all_given_back(support: User, alice: User) -> None:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW)
    first = brought_to("abandoned", buy(alice, ruby, 100), ruby)
    second = brought_to("abandoned", buy(alice, ruby, 100), ruby)

    split = post(support, f"items/{first.id}/resolve", settleTokens=40, reason="half was seen").json()
    back = post(support, f"items/{second.id}/resolve", refundTokens=100, reason="nothing was seen").json()

    assert (split["state"], split["settledTokens"], split["refundedTokens"]) == ("finished", 40, 60)
    assert (back["state"], back["settledTokens"], back["refundedTokens"]) == ("refunded", 0, 100)
    assert available(alice) == 9_960


@pytest.mark.parametrize("state", ["created", "started"])
def test_only_a_review_is_resolved(support: User, alice: User, ruby: User, state: str) -> None:
    item = brought_to(state, buy(alice, ruby), ruby)

    assert code(post(support, f"items/{item.id}/resolve", settleTokens=1, reason="x")) == (409, "INVALID_TRANSITION")
    assert code(post(support, f"items/{new_id()}/resolve", settleTokens=1, reason="x")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        ({"settleTokens": 40}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": 40, "reason": ""}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": 101, "reason": "x"}, (422, "SPLIT_MISMATCH")),
        ({"settleTokens": 0, "reason": "x"}, (422, "SPLIT_MISMATCH")),
        ({"settleTokens": 1, "refundTokens": 100, "reason": "x"}, (422, "SPLIT_MISMATCH")),
    ],
)
def test_a_resolution_that_does_not_add_up_is_refused(
    support: User, alice: User, body: dict[str, Any], answers: tuple[int, str]
) -> None:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW)
    item = brought_to("abandoned", buy(alice, ruby, 100), ruby)

    assert code(post(support, f"items/{item.id}/resolve", **body)) == answers
    assert again(item).state == "abandoned"


def test_a_performer_does_not_end_her_own_review(alice: User) -> None:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW)
    item = brought_to("abandoned", buy(alice, ruby, 100), ruby)

    for command in ("refund", "finish", "abandon", "start"):
        answer = client_of(ruby).post(f"/api/v1/queue/items/{item.id}/{command}", {}, format="json", headers=key())
        assert code(answer) == (409, "INVALID_TRANSITION")


def test_staff_read_every_item_and_narrow_it_down(alice: User, ruby: User) -> None:
    bob, jade = person(tokens=100), performer()
    mine, other = buy(alice, ruby), buy(bob, jade)
    services.leave(item_id=other.id, actor=bob)

    def ids(query: str = "") -> list[str]:
        answer = client_of(staff(Role.AUDITOR)).get(f"{API}/items{query}")
        assert answer.status_code == 200
        return [row["id"] for row in answer.json()["items"]]

    assert ids() == [str(other.id), str(mine.id)]
    assert ids("?state=refunded") == [str(other.id)]
    assert ids(f"?performerId={ruby.pk}") == ids(f"?userId={alice.pk}") == [str(mine.id)]
    assert ids("?feature=test&limit=1") == [str(other.id)]
    assert ids("?feature=slots") == []


@pytest.mark.parametrize("role", [Role.USER, Role.PERFORMER, Role.SERVICE])
def test_nobody_else_reads_every_item(role: Role) -> None:
    assert code(client_of(person(role=role)).get(f"{API}/items")) == (403, "ROLE_NOT_ALLOWED")
