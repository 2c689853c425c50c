"""RedRoomRewards' events: signed, recent, each once, every type kept, and followed by asking what is true now."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from accounts.models import User
from core.clock import db_now
from core.ids import new_id
from loyalty.models import KnownBalance, Link, WebhookEvent
from loyalty.services import events
from loyalty.services.asking import know
from loyalty.services.signatures import signature
from loyalty.tests.linking.linked import PROOF, linked
from tests.clock import Clock
from tests.racing import race
from tests.standin import WEBHOOK_SECRET, StandIn
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/loyalty/webhook"
TYPES = (
    *("POINTS_POSTED", "POINTS_REVERSED", "REDEMPTION_COMMITTED", "REDEMPTION_REVERSED"),
    *("LINK_UPDATED", "PROMOTION_STATUS_CHANGED", "TRANSFER_COMPLETED", "TRANSFER_REVERSED"),
)


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.RRR_WEBHOOK_SECRET = WEBHOOK_SECRET


def body_of(**facts: object) -> bytes:
    return json.dumps({"event_id": str(new_id()), "type": "POINTS_POSTED", **facts}).encode()


def post(body: bytes, **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().generic("POST", ADDRESS, body, "application/json", headers=given)


def signed(body: bytes, *, at: int | None = None, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """The headers of the contract, made here without our own code."""
    message = body if at is None else f"{at}.".encode() + body
    headers = {"X-RRR-Signature": hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}
    return headers if at is None else headers | {"X-RRR-Timestamp": str(at)}


def send(body: bytes, **options: Any) -> Any:
    return post(body, **signed(body, **options))


def refused(answer: Any) -> bool:
    return (answer.status_code, answer.json()["error"]["code"]) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("at", [None, 0, -299, 299])
def test_a_signed_event_is_kept(at: int | None) -> None:
    body = body_of(userId="nobody", amount=5)

    answer = send(body, at=None if at is None else int(time.time()) + at)

    event = WebhookEvent.objects.get()
    assert (answer.status_code, answer.json()) == (200, {"eventId": event.event_id, "outcome": "stored"})
    assert event.body == json.loads(body)


@pytest.mark.parametrize("kind", [*TYPES, "SOMETHING_NEW", "x" * 200])
def test_every_type_is_kept_and_answered_200(kind: str) -> None:
    answer = send(body_of(type=kind))

    assert answer.status_code == 200
    assert WebhookEvent.objects.get().type == kind[:64]


def test_the_type_may_be_called_event_type() -> None:
    body = json.dumps({"event_id": "e-1", "event_type": "LINK_UPDATED"}).encode()

    assert send(body).status_code == 200
    assert WebhookEvent.objects.get().type == "LINK_UPDATED"


def test_an_event_is_kept_once_by_its_id_and_the_first_stands() -> None:
    first, other = body_of(event_id="e-1", amount=1), body_of(event_id="e-1", amount=2)

    outcomes = [send(each).json()["outcome"] for each in (first, first, other)]

    assert outcomes == ["stored", "known", "known"]
    assert WebhookEvent.objects.get().body["amount"] == 1


def test_of_many_that_arrive_at_once_one_is_kept() -> None:
    body = body_of()

    answers = race(*[lambda: send(body)] * 6)

    assert sorted(answer.json()["outcome"] for answer in answers) == ["known"] * 5 + ["stored"]


NOW = int(time.time())


def wrong_headers(body: bytes) -> dict[str, dict[str, str]]:
    at = int(time.time())
    right, timed = signed(body), signed(body, at=at)
    return {
        "none": {},
        "empty": {"X-RRR-Signature": ""},
        "another secret": signed(body, secret="another"),
        "no secret": signed(body, secret=""),
        "of another body": signed(body + b" "),
        "cut": {"X-RRR-Signature": right["X-RRR-Signature"][:-1]},
        "not hex": {"X-RRR-Signature": "z" * 64},
        "base64": {"X-RRR-Signature": "wRCvV3JhdGg0aGF0IGlzIG5vdCBoZXggYXQgYWxsLCBidXQgNjQgbGV0dGVycw=="},
        "full-width digits": {"X-RRR-Signature": "\uff11" * 64},
        "two of them": {"X-RRR-Signature": f"{right['X-RRR-Signature']},{right['X-RRR-Signature']}"},
        "too old": signed(body, at=at - 302),
        "too new": signed(body, at=at + 302),
        "of the body alone, with a time": right | {"X-RRR-Timestamp": str(at)},
        "with its time taken away": {"X-RRR-Signature": timed["X-RRR-Signature"]},
        "with another time": timed | {"X-RRR-Timestamp": str(at + 1)},
        "with a time that is none": right | {"X-RRR-Timestamp": ""},
        "with a time of words": right | {"X-RRR-Timestamp": "now"},
        "with a negative time": right | {"X-RRR-Timestamp": "-1"},
        "with a time of many digits": right | {"X-RRR-Timestamp": "9" * 400},
    }


@pytest.mark.parametrize("wrong", list(wrong_headers(b"")))
def test_a_wrong_signature_is_401_and_keeps_nothing(wrong: str) -> None:
    body = body_of()

    assert refused(post(body, **wrong_headers(body)[wrong]))
    assert not WebhookEvent.objects.exists()


def test_upper_case_hex_is_the_same_signature() -> None:
    body = body_of()

    assert post(body, X_RRR_Signature=signed(body)["X-RRR-Signature"].upper()).status_code == 200


def test_without_a_secret_nothing_is_signed(settings: Any) -> None:
    settings.RRR_WEBHOOK_SECRET = ""
    body = body_of()

    assert refused(send(body, secret=""))


def test_the_time_is_real_time_and_not_the_demos_clock(clock: Clock) -> None:
    clock.shift(hours=25)

    assert send(body_of(), at=int(time.time())).status_code == 200


def test_the_signature_is_over_the_bytes_as_they_were_sent() -> None:
    body = b'{ "type":"POINTS_POSTED",\n "event_id" : "e-1", "name": "\\u00e9 \xc3\xa9" }'

    assert send(body).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"{",
        b'{"event_id": "e-1"}',
        b'{"type": "POINTS_POSTED"}',
        b'{"event_id": 1, "type": "POINTS_POSTED"}',
        b'{"event_id": "", "type": "POINTS_POSTED"}',
        b'{"event_id": "e\\u0000", "type": "POINTS_POSTED"}',
        b'{"event_id": "%s", "type": "POINTS_POSTED"}' % (b"x" * 129),
        b'{"event_id": "e-1", "event_id": "e-2", "type": "POINTS_POSTED"}',
        b'{"event_id": "e-1", "type": {"a": 1}}',
        b'{"event_id": "e-1", "type": "%s"}' % (b"x" * 201),
        b'{"event_id": "e-1", "type": "X", "note": "\\u0000"}',
        b'{"event_id": "e-1", "type": "X", "note\\u0000": 1}',
        b'{"event_id": "e-1", "type": "X", "deep": [[{"note": "\\ud800"}]]}',
        b'{"event_id": "e-1", "type": "X", "amount": 1e999}',
        b'{"event_id": "e-1", "type": "X", "amount": NaN}',
        b'{"event_id": "e-1", "type": "X", "deep": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'\xff{"event_id": "e-1", "type": "X"}',
    ],
)
def test_a_signed_body_that_cannot_be_read_or_kept_is_400(body: bytes) -> None:
    answer = send(body)

    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] in {"VALIDATION_FAILED", "INVALID_JSON"}
    assert not WebhookEvent.objects.exists()


def test_a_large_body_is_413_before_it_is_read() -> None:
    body = body_of(note="x" * (1024 * 1024))

    assert send(body).status_code == 413


def test_a_number_of_many_digits_is_kept() -> None:
    assert send(body_of(amount=10**200)).status_code == 200


def test_the_signature_function_is_the_contracts() -> None:
    assert signature(b"{}", WEBHOOK_SECRET) == signed(b"{}")["X-RRR-Signature"]
    assert signature(b"{}", WEBHOOK_SECRET, at="5") == signed(b"{}", at=5)["X-RRR-Signature"]


# --- what follows -------------------------------------------------------------------------------------------


def moved(standin: StandIn, user: User, balance: int) -> None:
    """Change a balance over there, of which nothing is known here yet."""
    member_id = Link.objects.get(user=user).member_id
    standin.steering.put_members([{"memberId": member_id, "proof": PROOF, "balance": balance}])
    know([(user.pk, 8_450, db_now())])


def balance(user: User) -> int:
    found: int = KnownBalance.objects.get(user=user).balance
    return found


@pytest.mark.parametrize("kind", [each for each in TYPES if each in events.OF_BALANCES])
def test_after_an_event_about_points_the_balance_is_asked_for(standin: StandIn, kind: str) -> None:
    user = linked(standin)
    moved(standin, user, 9_000)

    send(body_of(type=kind, userId=str(user.pk), amount=550))

    assert balance(user) == 8_450
    assert events.follow_events() == 1
    assert balance(user) == 9_000
    assert WebhookEvent.objects.get().handled
    assert events.follow_events() == 0


@pytest.mark.parametrize(
    "named",
    [
        lambda user, member: {"clientUserId": user},
        lambda user, member: {"data": {"userId": user}},
        lambda user, member: {"payload": {"clientUserId": user}},
        lambda user, member: {"memberId": member},
        lambda user, member: {"data": {"memberId": member}},
    ],
)
def test_the_person_is_found_by_our_id_or_by_the_membership(standin: StandIn, named: Any) -> None:
    user = linked(standin)
    moved(standin, user, 9_000)

    send(body_of(**named(str(user.pk), Link.objects.get(user=user).member_id)))

    assert events.follow_events() == 1
    assert balance(user) == 9_000


@pytest.mark.parametrize("named", [{}, {"userId": 5}, {"userId": "x"}, {"userId": str(new_id())}, {"memberId": "RR-0"}])
def test_an_event_about_nobody_of_ours_is_kept_only(standin: StandIn, named: dict[str, Any]) -> None:
    assert send(body_of(**named)).status_code == 200

    assert WebhookEvent.objects.get().due_at is None
    assert events.follow_events() == 0


def test_while_redroomrewards_is_away_an_event_waits_and_a_day_later_staff_see_it(
    standin: StandIn, clock: Clock
) -> None:
    user = linked(standin)
    moved(standin, user, 9_000)
    send(body_of(userId=str(user.pk)))
    standin.steering.fault("error_503", rate=1)

    assert events.follow_events() == 0
    assert events.follow_events() == 0, "it is asked for again half a minute later"
    clock.shift(hours=24, seconds=31)
    assert events.follow_events() == 1
    event = WebhookEvent.objects.get()
    assert (event.handled, event.note, event.due_at) == (False, events.UNASKED, None)
    assert balance(user) == 8_450


def test_a_link_that_ended_there_is_shown_to_staff_and_not_ended_here(standin: StandIn) -> None:
    user = person()
    Link.objects.create(user=user, member_id="RR-gone")

    send(body_of(type="LINK_UPDATED", clientUserId=str(user.pk)))
    events.follow_events()

    assert WebhookEvent.objects.get().note == events.NOT_THERE
    assert Link.objects.get().unlinked_at is None


def test_a_link_to_another_member_there_is_shown_to_staff(standin: StandIn) -> None:
    user = linked(standin)
    other = person()
    Link.objects.create(user=other, member_id="RR-other")
    standin.steering.put_members(
        [{"memberId": "RR-there", "proof": PROOF, "balance": 1, "clientUserId": str(other.pk)}]
    )

    for each in (user, other):
        send(body_of(type="LINK_UPDATED", userId=str(each.pk)))
    events.follow_events()

    notes = dict(WebhookEvent.objects.values_list("user_id", "note"))
    assert notes == {user.pk: "", other.pk: events.OTHER_MEMBER}


def test_two_rounds_at_once_follow_an_event_once(standin: StandIn) -> None:
    user = linked(standin)
    send(body_of(userId=str(user.pk)))

    assert sorted(race(events.follow_events, events.follow_events)) == [0, 1]


def test_a_round_that_ended_midway_leaves_the_event_to_a_later_one(standin: StandIn, clock: Clock) -> None:
    user = linked(standin)
    send(body_of(userId=str(user.pk)))
    WebhookEvent.objects.update(due_at=F("due_at") + timedelta(seconds=30))  # as a round leaves it that ends midway

    assert events.follow_events() == 0
    clock.shift(seconds=31)
    assert events.follow_events() == 1
