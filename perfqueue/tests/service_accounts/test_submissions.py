"""Items that service accounts submit: performed ones join the queue, instant ones are settled at once."""

import json
from typing import Any
from uuid import UUID

import pytest

import escrow.services
from accounts.models import Scope, User
from core.ids import new_id
from escrow.models import Hold, HoldStatus
from live.models import EventRow
from perfqueue import services
from perfqueue.models import QueueItem
from perfqueue.tests.service_accounts.test_holds import ask, service, status_and_code
from tests import world
from tests.clock import Clock
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/queue/intake"
ALL = (Scope.HOLD, Scope.INTAKE, Scope.AWARD)


@pytest.fixture
def arcade() -> User:
    return service(scopes=ALL)


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=5_000, points=5_000)


@pytest.fixture
def ruby() -> User:
    return world.performer("ruby", fee_bps=1_000)


def held(arcade: User, alice: User, **facts: Any) -> str:
    answer = ask(arcade, alice, **facts)
    assert answer.status_code == 201, answer.content
    found: str = answer.json()["id"]
    return found


def body(alice: User, hold: str, **facts: Any) -> dict[str, Any]:
    return {
        "idempotencyKey": str(new_id()), "sourceFeature": "arcade", "sourceEventId": "round-7", "performerId": None,
        "userId": str(alice.pk), "escrowTransactionId": hold, "tokens": 100, "currency": "TOKEN", "title": "A dare",
        "fulfilment": "instant", **facts,
    }  # fmt: skip


def hand(who: User, sent: dict[str, Any], **headers: str) -> Any:
    client = world.client_of(who)
    client.raise_request_exception = False
    return client.post(ADDRESS, json.dumps(sent), content_type="application/json", headers=headers)


def performed(arcade: User, alice: User, ruby: User, **facts: Any) -> dict[str, Any]:
    hold = held(arcade, alice, payee=str(ruby.pk))
    return body(alice, hold, performerId=str(ruby.pk), fulfilment="performed", durationSeconds=60, **facts)


def test_a_performed_item_joins_the_queue_and_is_settled_by_the_performer(
    arcade: User, alice: User, ruby: User
) -> None:
    answer = hand(arcade, performed(arcade, alice, ruby))

    assert answer.status_code == 201
    told_item = answer.json()
    assert (told_item["state"], told_item["position"], told_item["fulfilment"]) == ("created", 1, "performed")
    assert [step["operation"] for step in told_item["trail"]] == ["hold"]
    hold = Hold.objects.get()
    assert hold.expires_at is None
    item = services.item_for(UUID(told_item["id"]))
    services.start(item_id=item.id, actor=ruby)
    services.finish(item_id=item.id, actor=ruby)
    assert escrow.services.wallets_of(ruby.pk)[0].earned == 90
    assert world.client_of(arcade).get(f"/api/v1/queue/items/{item.id}").json()["settledTokens"] == 100
    assert EventRow.objects.filter(key="queue.item.created", recipient=alice.pk).exists()


def test_an_instant_item_is_settled_to_the_house_and_pays_its_award(arcade: User, alice: User) -> None:
    hold = held(arcade, alice, currency="POINT", payee="slots_bank")

    answer = hand(arcade, body(alice, hold, currency="POINT", award={"amount": 150, "currency": "POINT"}))

    assert (answer.status_code, answer.json()["state"], answer.json()["settledTokens"]) == (201, "finished", 100)
    assert world.available(alice, escrow.services.Currency.POINT) == 5_050
    assert Hold.objects.get().status == HoldStatus.SETTLED


def test_the_same_intake_again_has_the_first_answer_and_another_body_is_refused(
    arcade: User, alice: User, ruby: User
) -> None:
    sent = performed(arcade, alice, ruby)
    first = hand(arcade, sent)

    again = hand(arcade, sent, **{"Idempotency-Key": sent["idempotencyKey"]})
    other = hand(arcade, sent | {"title": "Another dare"})

    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert status_and_code(other) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert QueueItem.objects.count() == 1


@pytest.mark.parametrize("title", ["a\u001bb", "two\nlines", "\u202egnos", "\u200b\u200d", "\u3164"])
def test_a_title_that_nobody_could_read_is_refused(arcade: User, alice: User, ruby: User, title: str) -> None:
    answer = hand(arcade, performed(arcade, alice, ruby, title=title))

    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, ["title"])


def test_a_header_must_have_the_same_key(arcade: User, alice: User, ruby: User) -> None:
    sent = performed(arcade, alice, ruby)

    refused = hand(arcade, sent, **{"Idempotency-Key": "another-key-entirely"})

    assert status_and_code(refused) == (400, "VALIDATION_FAILED")
    assert "idempotencyKey" in refused.json()["error"]["details"]


def test_an_intake_sent_many_times_at_once_is_one_item(arcade: User, alice: User, ruby: User) -> None:
    sent = performed(arcade, alice, ruby)

    answers = race(*[lambda: hand(arcade, sent)] * 8)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert QueueItem.objects.count() == 1


NUL, HALF = "a\u0000", "a\ud800"
WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "another buyer": ({"userId": str(new_id())}, 409, "HOLD_MISMATCH"),
    "another amount": ({"tokens": 99}, 409, "HOLD_MISMATCH"),
    "another currency": ({"currency": "POINT"}, 409, "HOLD_MISMATCH"),
    "no such hold": ({"escrowTransactionId": str(new_id())}, 404, "NOT_FOUND"),
    "no such performer": ({"performerId": str(new_id())}, 404, "NOT_FOUND"),
    "no performer": ({"performerId": None}, 400, "VALIDATION_FAILED"),
    "another feature": ({"sourceFeature": "slots"}, 403, "FORBIDDEN"),
    "an award for a performance": ({"award": {"amount": 5, "currency": "POINT"}}, 403, "FORBIDDEN"),
    "an award in tokens": ({"award": {"amount": 5, "currency": "TOKEN"}}, 400, "VALIDATION_FAILED"),
    "a word too many": ({"price": 5}, 400, "VALIDATION_FAILED"),
    "a short key": ({"idempotencyKey": "short"}, 400, "VALIDATION_FAILED"),
    "a float": ({"tokens": 100.0}, 400, "VALIDATION_FAILED"),
    "no time at all": ({"durationSeconds": 0}, 400, "VALIDATION_FAILED"),
    "facts that are a list": ({"metadata": [1]}, 400, "VALIDATION_FAILED"),
    "facts within facts": ({"metadata": {"a": {"b": 1}}}, 400, "VALIDATION_FAILED"),
    "long facts": ({"metadata": {"a": "x" * 129}}, 400, "VALIDATION_FAILED"),
    "NUL in facts": ({"metadata": {"a": NUL}}, 400, "VALIDATION_FAILED"),
    "NUL in a fact's name": ({"metadata": {NUL: 1}}, 400, "VALIDATION_FAILED"),
    "half a letter in facts": ({"metadata": {"a": HALF}}, 400, "VALIDATION_FAILED"),
    "half a letter in a fact's name": ({"metadata": {HALF: 1}}, 400, "VALIDATION_FAILED"),
    "a fact beyond what JSON keeps exact": ({"metadata": {"a": 2**53}}, 400, "VALIDATION_FAILED"),
    "a fact of 22 digits": ({"metadata": {"a": 10**21}}, 400, "VALIDATION_FAILED"),
    "half a letter as a currency": ({"currency": HALF}, 400, "VALIDATION_FAILED"),
    "half a letter as a fulfilment": ({"fulfilment": HALF}, 400, "VALIDATION_FAILED"),
    "many facts": ({"metadata": {str(n): n for n in range(21)}}, 400, "VALIDATION_FAILED"),
}


def test_a_missing_key_has_its_own_code(arcade: User, alice: User, ruby: User) -> None:
    sent = performed(arcade, alice, ruby)
    key = sent.pop("idempotencyKey")

    assert status_and_code(hand(arcade, sent)) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert status_and_code(hand(arcade, sent, **{"Idempotency-Key": key})) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert status_and_code(hand(arcade, sent | {"tokens": 1.5})) == (400, "VALIDATION_FAILED")
    assert status_and_code(hand(arcade, sent | {"idempotencyKey": ""})) == (400, "VALIDATION_FAILED")


def test_a_block_bars_holds_and_instant_items_that_she_would_be_paid_for(arcade: User, alice: User, ruby: User) -> None:
    hold, for_the_house = held(arcade, alice, payee=str(ruby.pk)), held(arcade, alice)
    services.block(performer_id=ruby.pk, user_id=alice.pk, actor=ruby)

    assert status_and_code(hand(arcade, body(alice, hold, performerId=str(ruby.pk)))) == (403, "FORBIDDEN")
    assert status_and_code(ask(arcade, alice, payee=str(ruby.pk))) == (403, "FORBIDDEN")
    assert Hold.objects.get(pk=hold).status == HoldStatus.HELD
    assert hand(arcade, body(alice, for_the_house, performerId=str(ruby.pk))).status_code == 201


def test_an_instant_item_that_a_deactivated_performer_would_be_paid_for_is_not_found(
    arcade: User, alice: User, ruby: User
) -> None:
    hold = held(arcade, alice, payee=str(ruby.pk))
    world.deactivated(ruby)

    assert status_and_code(hand(arcade, body(alice, hold))) == (404, "NOT_FOUND")
    assert status_and_code(ask(arcade, alice, payee=str(ruby.pk))) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("whose", ["nobody", "a user", "the buyer", "a service account", "one who left"])
def test_an_instant_item_was_in_a_performers_room_or_in_nobodys(
    arcade: User, alice: User, ruby: User, whose: str
) -> None:
    """Whoever is named may look at the whole item."""
    if whose == "one who left":
        world.deactivated(ruby)
    named = {
        "nobody": new_id(), "a user": world.person("bob").pk, "the buyer": alice.pk, "a service account": arcade.pk,
        "one who left": ruby.pk,
    }[whose]  # fmt: skip

    refused = hand(arcade, body(alice, held(arcade, alice), performerId=str(named)))

    assert status_and_code(refused) == (404, "NOT_FOUND")
    assert not QueueItem.objects.exists()
    assert Hold.objects.get().status == HoldStatus.HELD


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_and_changes_nothing(arcade: User, alice: User, ruby: User, case: str) -> None:
    facts, status, code = WRONG[case]
    sent = performed(arcade, alice, ruby)

    refused = hand(arcade, sent | facts)

    assert status_and_code(refused) == (status, code)
    assert not QueueItem.objects.exists()
    assert Hold.objects.get().status == HoldStatus.HELD


def test_a_closed_queue_refuses_and_the_hold_expires(arcade: User, alice: User, ruby: User, clock: Clock) -> None:
    sent = performed(arcade, alice, ruby)
    services.close_queue(performer_id=ruby.pk, actor=ruby)

    assert status_and_code(hand(arcade, sent)) == (409, "QUEUE_CLOSED")

    clock.shift(seconds=301)
    assert status_and_code(hand(arcade, sent)) in ((409, "QUEUE_CLOSED"), (409, "HOLD_CLOSED"))
    services.sweep("test")
    assert (Hold.objects.get().status, world.available(alice)) == (HoldStatus.EXPIRED, 5_000)


def test_a_hold_is_used_once(arcade: User, alice: User, ruby: User) -> None:
    sent = performed(arcade, alice, ruby)
    hand(arcade, sent)

    assert status_and_code(hand(arcade, sent | {"idempotencyKey": str(new_id())})) == (409, "HOLD_CLOSED")


@pytest.mark.parametrize("scopes", [(Scope.HOLD,), (Scope.HOLD, Scope.AWARD)])
def test_an_account_without_the_scope_submits_nothing(alice: User, ruby: User, scopes: tuple[Scope, ...]) -> None:
    arcade = service(scopes=scopes)

    assert status_and_code(hand(arcade, performed(arcade, alice, ruby))) == (403, "FORBIDDEN")


def test_an_award_needs_its_scope_and_stays_below_the_daily_cap(alice: User, clock: Clock) -> None:
    plain, generous = service("plain", scopes=(Scope.HOLD, Scope.INTAKE)), service("arcade", scopes=ALL, cap=300)

    def award(who: User, feature: str, amount: int) -> Any:
        hold = held(who, alice, currency="POINT", payee="slots_bank", sourceFeature=feature)
        prize = {"amount": amount, "currency": "POINT"}
        return hand(who, body(alice, hold, currency="POINT", sourceFeature=feature, award=prize))

    assert status_and_code(award(plain, "plain", 1)) == (403, "FORBIDDEN")
    assert award(generous, "arcade", 200).status_code == 201
    assert status_and_code(award(generous, "arcade", 101))[0] == 403
    assert Hold.objects.filter(status="SETTLED").count() == 1


def test_somebody_elses_hold_is_not_submitted(alice: User, ruby: User) -> None:
    other, arcade = service("other", scopes=ALL), service("arcade", scopes=ALL)
    sent = performed(arcade, alice, ruby)

    assert status_and_code(hand(other, sent | {"sourceFeature": "other"})) == (403, "FORBIDDEN")


def test_people_are_not_features(alice: User, ruby: User) -> None:
    arcade = service(scopes=ALL)

    assert status_and_code(hand(alice, performed(arcade, alice, ruby))) == (403, "ROLE_NOT_ALLOWED")
