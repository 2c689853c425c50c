"""The queue's endpoints: shapes to the letter, who may do what, and expiry seen from outside."""

import re
from typing import Any

import pytest

from accounts.models import Role, User
from core.ids import new_id
from perfqueue import services
from perfqueue.models import QueueItem
from perfqueue.tests.service_accounts.test_holds import service
from tests.clock import Clock
from tests.world import again, available, buy, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"
FULL = [
    "id", "performerId", "userId", "title", "tokens", "currency", "fulfilment", "state", "position", "estimatedWait",
    "ropeDropAt", "deadlineAt", "createdAt", "startedAt", "endedAt", "settledTokens", "refundedTokens", "reason",
    "holdId", "trail",
]  # fmt: skip
BRIEF = ["id", "title", "state", "position", "mine"]
TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z\Z")


def get(viewer: User | None, path: str) -> Any:
    answer = client_of(viewer).get(f"{API}/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def post(actor: User | None, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client_of(actor).post(f"{API}/{path}", body, format="json", headers=key() if headers is None else headers)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_queue_item_to_the_letter(item: QueueItem, alice: User, ruby: User) -> None:
    shown = get(alice, f"queue/items/{item.id}")

    assert list(shown) == FULL
    assert TIME.match(shown["createdAt"])
    assert TIME.match(shown["ropeDropAt"])
    assert [list(step) for step in shown["trail"]] == [["operation", "amount", "at"]]
    del shown["createdAt"], shown["ropeDropAt"], shown["trail"]
    assert shown == {
        "id": str(item.id),
        "performerId": str(ruby.pk),
        "userId": str(alice.pk),
        "title": "A song",
        "tokens": 100,
        "currency": "TOKEN",
        "fulfilment": "performed",
        "state": "created",
        "position": 1,
        "estimatedWait": None,
        "deadlineAt": None,
        "startedAt": None,
        "endedAt": None,
        "settledTokens": None,
        "refundedTokens": None,
        "reason": None,
        "holdId": str(item.hold_id),
    }


def test_those_concerned_see_all_of_it_and_strangers_a_little(item: QueueItem, alice: User, ruby: User) -> None:
    concerned = [alice, ruby, *(staff(role) for role in ("support", "finance", "games", "auditor", "admin"))]
    concerned.append(service("test"))
    strangers = [person(), performer(), service("other"), person("nobody's", role=Role.SERVICE)]

    assert {tuple(get(who, f"queue/items/{item.id}")) for who in concerned} == {tuple(FULL)}
    for who in strangers:
        assert get(who, f"queue/items/{item.id}") == {
            "id": str(item.id),
            "title": "A song",
            "state": "created",
            "position": 1,
            "mine": False,
        }


def test_the_answer_of_a_command_is_the_item_as_it_is_then_read(item: QueueItem, alice: User, ruby: User) -> None:
    started = post(ruby, f"queue/items/{item.id}/start").json()
    assert started == get(ruby, f"queue/items/{item.id}")
    assert (started["state"], started["position"], started["ropeDropAt"]) == ("started", None, None)
    assert started["deadlineAt"] is not None

    finished = post(ruby, f"queue/items/{item.id}/finish", settleTokens=61, reason="half a song").json()
    assert finished == get(alice, f"queue/items/{item.id}")
    assert (finished["settledTokens"], finished["refundedTokens"], finished["reason"]) == (61, 39, "half a song")
    assert [(step["operation"], step["amount"]) for step in finished["trail"]] == [
        ("hold", 100),
        ("settle", 61),
        ("refund", 39),
    ]


def test_the_public_queue_to_the_letter(ruby: User, alice: User) -> None:
    bob = person(tokens=500)
    first, second, third = buy(alice, ruby), buy(bob, ruby), buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)

    shown = get(bob, f"performer/{ruby.pk}/queue")

    assert list(shown) == ["open", "paused", "depth", "maxDepth", "nowPerforming", "items", "estimatedWait"]
    assert shown == {
        "open": True,
        "paused": False,
        "depth": 2,
        "maxDepth": 25,
        "nowPerforming": {"id": str(first.id), "title": "A song", "state": "started", "position": None, "mine": False},
        "items": [
            {"id": str(second.id), "title": "A song", "state": "created", "position": 1, "mine": True},
            {"id": str(third.id), "title": "A song", "state": "created", "position": 2, "mine": False},
        ],
        "estimatedWait": None,
    }
    assert [each["mine"] for each in get(None, f"performer/{ruby.pk}/queue")["items"]] == [False, False]


def test_a_queue_is_never_paged() -> None:
    ruby = performer(depth=200, user_cap=200)
    alice = person(tokens=100_000)
    for _ in range(101):
        buy(alice, ruby, 1)

    assert [each["position"] for each in get(None, f"performer/{ruby.pk}/queue?limit=1")["items"]] == [*range(1, 102)]


def test_waits_are_estimated_from_five_performances_on(clock: Clock) -> None:
    ruby, alice = performer(user_cap=20), person(tokens=10_000)
    for seconds in (10, 20, 30, 40, 50):
        done = buy(alice, ruby)
        services.start(item_id=done.id, actor=ruby)
        clock.shift(seconds=seconds)
        assert get(None, f"performer/{ruby.pk}/queue")["estimatedWait"] is None
        services.finish(item_id=done.id, actor=ruby)
    head, second = buy(alice, ruby), buy(alice, ruby)

    assert get(None, f"performer/{ruby.pk}/queue")["estimatedWait"] == {"lowSeconds": 40, "highSeconds": 80}
    assert get(alice, f"queue/items/{head.id}")["estimatedWait"] == {"lowSeconds": 0, "highSeconds": 0}
    assert get(alice, f"queue/items/{second.id}")["estimatedWait"] == {"lowSeconds": 20, "highSeconds": 40}


def test_performers_are_public_with_whether_they_are_open(ruby: User) -> None:
    services.close_queue(performer_id=performer("jade").pk, actor=staff())
    person("nobody")

    shown = get(None, "performer")

    assert [list(each) for each in shown["items"]] == [["id", "displayName", "username", "state", "queueOpen"]] * 2
    assert [(each["username"], each["displayName"], each["queueOpen"]) for each in shown["items"]] == [
        ("jade", "Jade", False),
        ("ruby", "Ruby", True),
    ]
    assert get(None, f"performer/{ruby.pk}") == shown["items"][1]


@pytest.mark.parametrize("path", ["performer/{}", "performer/{}/queue", "queue/items/{}"])
@pytest.mark.parametrize("who", ["01890000-0000-7000-8000-000000000000", "nobody", "0", "%00", "a" * 300])
def test_unknown_and_malformed_ids_are_not_found(path: str, who: str) -> None:
    assert code(client_of(person()).get(f"{API}/{path.format(who)}")) == (404, "NOT_FOUND")


def test_a_person_who_does_not_perform_has_no_queue(alice: User) -> None:
    for path in (f"performer/{alice.pk}", f"performer/{alice.pk}/queue"):
        assert code(client_of(None).get(f"{API}/{path}")) == (404, "NOT_FOUND")


def test_lists_are_ones_own_newest_first_and_narrowed(ruby: User, alice: User) -> None:
    first, second = buy(alice, ruby), buy(alice, ruby)
    buy(person(tokens=100), ruby)
    services.leave(item_id=first.id, actor=alice)

    def ids(viewer: User, query: str = "") -> list[str]:
        return [row["id"] for row in get(viewer, f"queue/items{query}")["items"]]

    assert ids(alice, "?mine=true") == [str(second.id), str(first.id)]
    assert ids(alice, "?state=refunded") == [str(first.id)]
    assert ids(alice, "?fulfilment=instant") == []
    assert len(ids(ruby)) == 3
    assert ids(performer()) == []


def test_pages_follow_each_other(ruby: User, alice: User) -> None:
    items = [str(buy(alice, ruby).id) for _ in range(3)]

    first = get(alice, "queue/items?limit=2")
    second = get(alice, f"queue/items?limit=2&cursor={first['next']}")

    assert [row["id"] for row in first["items"] + second["items"]] == items[::-1]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=no", "state=gone", "fulfilment=x", "mine=perhaps"])
def test_a_list_that_cannot_be_is_refused(alice: User, query: str) -> None:
    assert code(client_of(alice).get(f"{API}/queue/items?{query}")) == (400, "VALIDATION_FAILED")


def test_the_performer_opens_pauses_resumes_and_closes_her_queue_without_a_key(ruby: User, item: QueueItem) -> None:
    def state_after(command: str) -> tuple[bool, bool, int]:
        shown = post(ruby, f"performer/{ruby.pk}/queue/{command}", headers={})
        assert shown.status_code == 200
        return shown.json()["open"], shown.json()["paused"], shown.json()["depth"]

    assert state_after("pause") == state_after("pause") == (True, True, 1)
    assert again(item).rope_drop_at is None
    assert state_after("resume") == state_after("resume") == (True, False, 1)
    assert again(item).rope_drop_at is not None
    assert state_after("close") == state_after("close") == (False, False, 0)
    assert again(item).cause == "STREAM_ENDED"
    assert state_after("open") == state_after("open") == (True, False, 0)


@pytest.mark.parametrize("command", ["open", "close", "pause", "resume"])
def test_nobody_else_commands_her_queue(ruby: User, alice: User, command: str) -> None:
    path = f"performer/{ruby.pk}/queue/{command}"

    assert code(post(None, path)) == (401, "UNAUTHENTICATED")
    assert code(post(alice, path)) == (403, "ROLE_NOT_ALLOWED")
    assert code(post(staff(), path)) == (403, "ROLE_NOT_ALLOWED")
    assert code(post(performer(), path)) == (403, "FORBIDDEN")
    assert code(post(ruby, f"performer/{new_id()}/queue/{command}")) == (404, "NOT_FOUND")
    assert code(post(ruby, path, on=True)) == (400, "VALIDATION_FAILED")


COMMANDS = ("start", "finish", "abandon", "refund", "leave")
STAGE = {Role.PERFORMER, Role.SUPPORT, Role.ADMIN}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_for_some_roles(item: QueueItem, command: str) -> None:
    allowed = {Role.USER} if command == "leave" else STAGE

    for role in set(Role) - allowed:
        assert code(post(person(role=role), f"queue/items/{item.id}/{command}")) == (403, "ROLE_NOT_ALLOWED")
        assert code(post(person(role=role), f"queue/items/{new_id()}/{command}")) == (403, "ROLE_NOT_ALLOWED")
    assert again(item).state == "created"


@pytest.mark.parametrize("command", COMMANDS)
def test_somebody_elses_item_is_forbidden_and_an_unknown_one_is_not_found(item: QueueItem, command: str) -> None:
    other = person(tokens=5) if command == "leave" else performer()

    assert code(post(other, f"queue/items/{item.id}/{command}")) == (403, "FORBIDDEN")
    for unknown in (new_id(), "nothing", "0"):
        assert code(post(other, f"queue/items/{unknown}/{command}")) == (404, "NOT_FOUND")
    assert again(item).state == "created"


def test_an_instant_item_has_no_commands() -> None:
    from perfqueue.tests.intake.test_intake import at_once

    player = person(points=100)
    spin = at_once(player).item

    assert code(post(staff(), f"queue/items/{spin.id}/refund", reason="r")) == (404, "NOT_FOUND")
    assert code(post(player, f"queue/items/{spin.id}/leave")) == (404, "NOT_FOUND")
    assert get(player, f"queue/items/{spin.id}")["fulfilment"] == "instant"


def test_what_cannot_be_done_is_refused_with_its_code(ruby: User, alice: User, item: QueueItem) -> None:
    second = buy(alice, ruby)

    assert code(post(ruby, f"queue/items/{second.id}/start")) == (409, "NOT_HEAD_OF_QUEUE")
    for command in ("finish", "abandon"):
        assert code(post(ruby, f"queue/items/{item.id}/{command}")) == (409, "INVALID_TRANSITION")
    post(ruby, f"performer/{ruby.pk}/queue/pause", headers={})
    assert code(post(ruby, f"queue/items/{item.id}/start")) == (409, "QUEUE_PAUSED")
    post(ruby, f"performer/{ruby.pk}/queue/resume", headers={})
    post(ruby, f"queue/items/{item.id}/start")
    assert code(post(ruby, f"queue/items/{item.id}/start")) == (409, "ALREADY_STARTED")
    assert code(post(ruby, f"queue/items/{second.id}/start")) == (409, "ALREADY_STARTED")
    assert code(post(alice, f"queue/items/{item.id}/leave")) == (409, "INVALID_TRANSITION")
    post(ruby, f"queue/items/{item.id}/finish")
    for command in ("start", "finish", "abandon", "refund"):
        assert code(post(ruby, f"queue/items/{item.id}/{command}")) == (409, "INVALID_TRANSITION")


@pytest.mark.parametrize("command", ["refund", "abandon"])
def test_a_performer_refunds_a_started_item(ruby: User, alice: User, item: QueueItem, command: str) -> None:
    post(ruby, f"queue/items/{item.id}/start")

    answer = post(ruby, f"queue/items/{item.id}/{command}", reason="power cut")

    assert (answer.json()["state"], answer.json()["reason"]) == ("refunded", "power cut")
    assert available(alice) == 1_000


SPLITS = [
    ({}, 100, 0),
    ({"settleTokens": 100}, 100, 0),
    ({"refundTokens": 0}, 100, 0),
    ({"settleTokens": 1, "reason": "r"}, 1, 99),
    ({"refundTokens": 99, "reason": "r"}, 1, 99),
    ({"settleTokens": 61, "refundTokens": 39, "reason": "r"}, 61, 39),
]


@pytest.mark.parametrize(("body", "settled", "refunded"), SPLITS)
def test_one_amount_implies_the_other(
    ruby: User, item: QueueItem, body: dict[str, Any], settled: int, refunded: int
) -> None:
    post(ruby, f"queue/items/{item.id}/start")

    answer = post(ruby, f"queue/items/{item.id}/finish", **body).json()

    assert (answer["settledTokens"], answer["refundedTokens"]) == (settled, refunded)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"settleTokens": 0, "reason": "r"}, (422, "SPLIT_MISMATCH")),
        ({"refundTokens": 100, "reason": "r"}, (422, "SPLIT_MISMATCH")),
        ({"settleTokens": 101, "reason": "r"}, (422, "SPLIT_MISMATCH")),
        ({"settleTokens": 60, "refundTokens": 39, "reason": "r"}, (422, "SPLIT_MISMATCH")),
        ({"settleTokens": 60}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": 60, "reason": " "}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": -1}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": 60.0}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": True}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": "60"}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": None}, (400, "VALIDATION_FAILED")),
        ({"settleTokens": 1_000_000_001}, (400, "VALIDATION_FAILED")),
        ({"settletokens": 60, "reason": "r"}, (400, "VALIDATION_FAILED")),
    ],
)
def test_amounts_that_are_no_split_pay_nothing(
    ruby: User, alice: User, item: QueueItem, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    post(ruby, f"queue/items/{item.id}/start")

    assert code(post(ruby, f"queue/items/{item.id}/finish", **body)) == expected
    assert (again(item).state, available(alice)) == ("started", 900)


def test_what_is_due_expires_before_a_command_and_on_every_read(
    ruby: User, alice: User, item: QueueItem, clock: Clock
) -> None:
    second = buy(alice, ruby)
    clock.shift(seconds=121)
    assert code(post(ruby, f"queue/items/{item.id}/start")) == (409, "ROPE_DROP_EXPIRED")
    assert again(item).state == "refunded"

    clock.shift(seconds=121)
    assert get(None, f"performer/{ruby.pk}/queue")["items"] == []
    assert again(second).state == "refunded"

    third = buy(alice, ruby, duration_s=60)
    post(ruby, f"queue/items/{third.id}/start")
    clock.shift(seconds=91)
    assert get(alice, f"queue/items/{third.id}")["state"] == "refunded"
    assert code(post(ruby, f"queue/items/{third.id}/finish")) == (409, "DEADLINE_PASSED")

    fourth = buy(alice, ruby)
    clock.shift(seconds=121)
    assert [row["state"] for row in get(alice, "queue/items")["items"]] == ["refunded"] * 4
    assert get(ruby, "queue/items")["items"][0]["id"] == str(fourth.id)
    assert available(alice) == 1_000


def test_the_same_key_gets_the_first_answer_and_another_body_none(ruby: User, item: QueueItem) -> None:
    headers = {"Idempotency-Key": "the-key-1"}
    path = f"queue/items/{item.id}"
    first = post(ruby, f"{path}/start", headers)
    post(ruby, f"{path}/finish")

    again_asked = post(ruby, f"{path}/start", headers)

    assert again_asked.content == first.content
    assert (again_asked.status_code, again_asked.headers["Idempotent-Replayed"]) == (200, "true")
    assert "Idempotent-Replayed" not in first.headers
    assert code(post(ruby, f"queue/items/{new_id()}/start", headers)) == (409, "IDEMPOTENCY_KEY_REUSED")
    other = performer()
    assert code(post(other, f"{path}/start", headers)) == (403, "FORBIDDEN")
    assert code(post(ruby, f"{path}/abandon", headers, reason="x")) == (409, "INVALID_TRANSITION")


def test_a_refused_key_may_be_used_again(ruby: User, alice: User, item: QueueItem) -> None:
    headers = {"Idempotency-Key": "the-key-1"}
    second = buy(alice, ruby)
    assert code(post(ruby, f"queue/items/{second.id}/start", headers)) == (409, "NOT_HEAD_OF_QUEUE")

    services.leave(item_id=item.id, actor=alice)

    assert post(ruby, f"queue/items/{second.id}/start", headers).json()["state"] == "started"


def test_every_answer_has_its_request_id_and_is_not_to_be_stored(ruby: User, item: QueueItem) -> None:
    for answer in (
        client_of(None).get(f"{API}/performer/{ruby.pk}", headers={"X-Request-Id": "my-request-1"}),
        client_of(ruby).post(f"{API}/queue/items/{item.id}/start", headers={"X-Request-Id": "my-request-1"}),
    ):
        assert answer.headers["X-Request-Id"] == "my-request-1"
        assert answer.headers["Cache-Control"] == "no-store"
    unsound = client_of(None).get(f"{API}/performer", headers={"X-Request-Id": "x\ny"})
    assert re.fullmatch(r"[0-9a-f-]{36}", unsound.headers["X-Request-Id"])


def test_a_transition_remembers_the_request_that_made_it(ruby: User, item: QueueItem) -> None:
    headers = key() | {"X-Request-Id": "my-request-1"}

    post(ruby, f"queue/items/{item.id}/start", headers)

    step = item.transitions.get(to_state="started")
    assert (step.request_id, step.actor) == ("my-request-1", ruby.pk)


def test_a_length_that_is_no_decimal_is_a_refusal_and_no_crash() -> None:
    client = client_of(person())

    answer = client.post(
        "/api/v1/slot-machine/spin", data=b"{}", content_type="application/json", CONTENT_LENGTH="\u00b2"
    )

    assert answer.status_code == 400
