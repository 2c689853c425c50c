"""Runs over many items: by filter, in the background, item by item, and what is kept of them."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role, User
from core.errors import ValidationFailed
from core.ids import new_id
from core.models import IdempotencyKey
from perfqueue import services
from perfqueue.models import QueueItem, Run, RunAction, RunItem, Transition
from perfqueue.services import AbandonPolicy
from tests.clock import Clock
from tests.world import again, available, buy, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/admin/queue"
MANY = services.MAX_BULK_ITEMS + 1


def post(actor: User, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client_of(actor).post(f"{API}/refunds", body, format="json", headers=key() if headers is None else headers)


def run_at(actor: User, run_id: str) -> Any:
    return client_of(actor).get(f"{API}/refunds/{run_id}")


def many(alice: User, number: int = MANY, tokens: int = 2) -> list[QueueItem]:
    """Waiting items in lines of 25."""
    lines = [performer(user_cap=25) for _ in range(-(-number // 25))]
    return [buy(alice, lines[place // 25], tokens) for place in range(number)]


def test_three_items_one_of_which_fails_are_three_rows_of_audit(support: User, alice: User, ruby: User) -> None:
    items = [buy(alice, ruby, 30) for _ in range(3)]
    services.leave(item_id=items[1].id, actor=alice)

    answer = post(support, ids=[str(item.id) for item in items], reason="power cut")

    assert [each["code"] for each in answer.json()["results"]] == [None, "INVALID_TRANSITION", None]
    run = Run.objects.get()
    assert (run.actor_id, run.reason, run.total, run.ended_at is not None) == (support.pk, "power cut", 3, True)
    kept = RunItem.objects.order_by("id").values_list("item_id", "code", "refunded")
    assert list(kept) == [(items[0].id, "", 30), (items[1].id, "INVALID_TRANSITION", 0), (items[2].id, "", 30)]


def test_more_than_fifty_run_in_the_background_and_can_be_followed(support: User, alice: User) -> None:
    items = many(alice)
    services.leave(item_id=items[3].id, actor=alice)

    started = post(support, ids=[str(item.id) for item in items], reason="power cut")

    assert started.status_code == 202
    assert set(started.json()) == {"runId"}
    assert not QueueItem.objects.filter(state="refunded").exclude(id=items[3].id).exists()
    before = run_at(support, started.json()["runId"]).json()
    assert (before["status"], before["results"], before["progress"]["percent"]) == ("running", [], 0)

    services.work_runs(at_most=20)
    half = run_at(support, started.json()["runId"]).json()
    assert (half["status"], half["progress"], len(half["results"])) == (
        "running", {"items": MANY, "worked": 20, "percent": 39}, 20,
    )  # fmt: skip
    services.sweep("beat")
    services.work_runs()

    done = run_at(support, started.json()["runId"]).json()
    assert done["status"] == "done"
    assert done["endedAt"] is not None
    assert done["results"] == [
        {"id": str(item.id), "code": "INVALID_TRANSITION" if item.id == items[3].id else None} for item in items
    ]
    assert done["totals"] == {"items": MANY, "refunded": MANY - 1, "tokens": 2 * (MANY - 1)}
    assert available(alice) == 10_000
    steps = Transition.objects.filter(to_state="refunded", actor=support.pk, reason="power cut")
    assert steps.count() == MANY - 1


def test_a_filter_selects_the_items(support: User, alice: User, ruby: User) -> None:
    jade, bob = performer(), person(tokens=100)
    mine, his, elsewhere = buy(alice, ruby, 30), buy(bob, ruby, 40), buy(alice, jade, 50)

    by_both = post(support, filter={"performerId": str(ruby.pk), "userId": str(bob.pk)}, reason="x", dryRun=True)
    assert by_both.json()["results"] == [{"id": str(his.id), "code": None}]
    assert by_both.json()["totals"] == {"items": 1, "refunded": 1, "tokens": 40}
    assert again(his).state == "created"
    services.start(item_id=mine.id, actor=ruby)
    real = post(support, filter={"performerId": str(ruby.pk)}, reason="x")

    assert [each["id"] for each in real.json()["results"]] == [str(mine.id), str(his.id)]
    assert [again(item).state for item in (mine, his, elsewhere)] == ["refunded", "refunded", "created"]
    assert Run.objects.get().filters == {"performerId": str(ruby.pk)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"state": "started"}, [0]),
        ({"feature": "test"}, [0, 1, 2]),
        ({"feature": "slots"}, []),
        ({"minTokens": 20}, [1, 2]),
        ({"maxTokens": 20}, [0, 1]),
        ({"minTokens": 20, "maxTokens": 20}, [1]),
        ({"minAgeSeconds": 60}, [0, 1]),
        ({"overdue": True}, [0]),
        ({"overdue": False}, [1, 2]),
    ],
)
def test_items_are_filtered_alike_in_bulk_and_in_the_list(
    support: User, alice: User, ruby: User, clock: Clock, given: dict[str, Any], expected: list[int]
) -> None:
    items = [buy(alice, ruby, 10, duration_s=20), buy(alice, ruby, 20)]
    services.start(item_id=items[0].id, actor=ruby)
    clock.shift(seconds=61)
    jade = performer()
    items.append(buy(alice, jade, 30))

    previewed = post(support, filter=given, reason="x", dryRun=True).json()["results"]

    assert [each["id"] for each in previewed] == [str(items[place].id) for place in expected]


def test_the_list_is_narrowed_down_by_key_age_and_amount(support: User, alice: User, ruby: User, clock: Clock) -> None:
    old = buy(alice, ruby, 10)
    clock.shift(seconds=50)
    new = buy(alice, ruby, 20)

    def ids(query: str) -> list[str]:
        answer = client_of(support).get(f"{API}/items?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["items"]]

    assert ids(f"key={old.idempotency_key}") == [str(old.id)]
    assert ids("key=unknown") == []
    assert ids("minAgeSeconds=40") == ids("maxTokens=10") == [str(old.id)]
    assert ids("minTokens=11") == [str(new.id)]
    assert ids("overdue=true") == []
    assert ids("overdue=false") == [str(new.id), str(old.id)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "x"},
        {"filter": {}, "reason": "x"},
        {"filter": None, "reason": "x"},
        {"filter": [], "reason": "x"},
        {"filter": "all", "reason": "x"},
        {"filter": {"state": "refunded"}, "reason": "x"},
        {"filter": {"everything": True}, "reason": "x"},
        {"filter": {"performerId": "ruby"}, "reason": "x"},
        {"filter": {"minTokens": "1"}, "reason": "x"},
        {"filter": {"minTokens": -1}, "reason": "x"},
        {"filter": {"overdue": "true"}, "reason": "x"},
        {"filter": {"minAgeSeconds": 1.5}, "reason": "x"},
        {"filter": {"state": "created"}},
        {"filter": {"state": "created"}, "ids": [str(new_id())], "reason": "x"},
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(support: User, alice: User, ruby: User, wrong: dict[str, Any]) -> None:
    item = buy(alice, ruby)

    answer = post(support, **wrong)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_FAILED")
    assert again(item).state == "created"
    assert not IdempotencyKey.objects.exists()
    assert not Run.objects.exists()


def test_a_filter_that_finds_nothing_refunds_nothing(support: User) -> None:
    answer = post(support, filter={"feature": "none"}, reason="x")

    assert answer.json() == {"results": [], "totals": {"items": 0, "refunded": 0, "tokens": 0}}
    assert not Run.objects.exists()


def test_no_items_are_no_run(support: User) -> None:
    assert services.refund_many(item_ids=[], actor=support, reason="x") == []
    assert not Run.objects.exists()


def test_the_same_key_starts_one_run(support: User, alice: User) -> None:
    ids, headers = [str(item.id) for item in many(alice)], {"Idempotency-Key": "the-run-1"}

    first, second = (post(support, headers, ids=ids, reason="x") for _ in range(2))

    assert first.json() == second.json()
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (202, "true")
    assert Run.objects.count() == 1


def test_a_dry_run_of_many_names_them_all_and_writes_nothing(support: User, alice: User) -> None:
    items = many(alice)

    answer = post(support, filter={"state": "created"}, reason="x", dryRun=True)

    assert answer.status_code == 200
    assert answer.json()["totals"] == {"items": MANY, "refunded": MANY, "tokens": 2 * MANY}
    assert not Run.objects.exists()
    assert {again(item).state for item in items} == {"created"}


@pytest.mark.parametrize("role", [Role.USER, Role.PERFORMER, Role.SERVICE])
def test_nobody_else_follows_a_run(support: User, alice: User, role: Role) -> None:
    run_id = post(support, ids=[str(item.id) for item in many(alice)], reason="x").json()["runId"]

    assert run_at(person(role=role), run_id).status_code == 403
    assert run_at(staff(Role.AUDITOR), run_id).status_code == 200
    assert run_at(support, str(new_id())).status_code == 404


def test_an_item_that_expires_meanwhile_has_that_as_its_result(support: User, alice: User, clock: Clock) -> None:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW, rope_drop_s=60)
    started = buy(alice, ruby, 10, duration_s=20)
    services.start(item_id=started.id, actor=ruby)
    late = buy(alice, performer(rope_drop_s=60), 20)
    clock.shift(seconds=61)

    answer = post(support, filter={"overdue": True}, reason="x")

    assert answer.json()["results"] == [
        {"id": str(started.id), "code": None}, {"id": str(late.id), "code": "INVALID_TRANSITION"},
    ]  # fmt: skip
    assert (again(started).state, again(late).cause) == ("refunded", "ROPE_DROP_EXPIRED")


def test_other_actions_are_no_refunds(support: User, alice: User) -> None:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW)
    item = buy(alice, ruby)
    services.start(item_id=item.id, actor=ruby)
    services.abandon(item_id=item.id, actor=ruby)
    paid = services.open_run(action=RunAction.RESOLVE, item_ids=[item.id], actor=support, reason="all was seen")

    assert run_at(support, str(paid.pk)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"item_ids": []},
        {"reason": ""},
        {"action": RunAction.SPLIT},
        {"action": RunAction.RESOLVE, "settle": 1},
        {"item_ids": [new_id() for _ in range(services.MAX_RUN_ITEMS + 1)]},
    ],
)
def test_a_run_that_makes_no_sense_is_not_written_down(support: User, wrong: dict[str, Any]) -> None:
    terms: dict[str, Any] = {"action": RunAction.REFUND, "item_ids": [new_id()], "actor": support, "reason": "x"}

    with pytest.raises(ValidationFailed):
        services.open_run(**terms | wrong)

    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE perfqueue_runitem SET code = 'X'",
        "UPDATE perfqueue_runitem SET done_at = NULL, code = '', refunded = 0",
        "DELETE FROM perfqueue_runitem",
        "UPDATE perfqueue_run SET reason = 'other'",
        "UPDATE perfqueue_run SET ended_at = NULL",
        "DELETE FROM perfqueue_run",
        "TRUNCATE perfqueue_run CASCADE",
        "INSERT INTO perfqueue_run (id, action, reason, actor_id, total) SELECT uuidv7(), 'split', 'x', actor_id, 1"
        " FROM perfqueue_run",
        "INSERT INTO perfqueue_run (id, action, reason, actor_id, total) SELECT uuidv7(), 'refund', '', actor_id, 1"
        " FROM perfqueue_run",
        "INSERT INTO perfqueue_runitem (id, run_id, item_id, code, settled, refunded)"
        " SELECT gen_random_uuid(), run_id, gen_random_uuid(), 'X', 0, 0 FROM perfqueue_runitem",
        "INSERT INTO perfqueue_runitem (id, run_id, item_id, code, settled, refunded, done_at)"
        " SELECT gen_random_uuid(), run_id, gen_random_uuid(), 'X', 0, 5, now() FROM perfqueue_runitem",
    ],
)
def test_what_a_run_did_cannot_be_rewritten(support: User, alice: User, ruby: User, sql: str) -> None:
    post(support, ids=[str(buy(alice, ruby).id)], reason="x")
    sql = sql.replace("uuidv7()", "gen_random_uuid()")

    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute(sql)
