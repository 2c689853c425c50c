"""Holds of service accounts: their features, their cap, the buyer's gates, and who may read them."""

from typing import Any

import pytest
from django.db import IntegrityError

import accounts.services
from accounts.models import Scope, ServiceAccount, User
from compliance.models import Refusal
from core.ids import new_id
from escrow.models import Hold
from escrow.tests.factories import freeze, thaw
from live.models import EventRow
from perfqueue import services
from tests import world
from tests.clock import Clock
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/escrow/holds"


def service(feature: str = "arcade", *, cap: int = 1_000, scopes: tuple[Scope, ...] = (Scope.HOLD,)) -> User:
    user = world.person(role="service")
    accounts.services.make_service_account(user, features=[feature], scopes=scopes, cap_per_user_day=cap)
    return user


@pytest.fixture
def arcade() -> User:
    return service()


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=5_000, points=5_000)


def ask(who: User, payer: User, key: dict[str, str] | None = None, **facts: Any) -> Any:
    body = {
        "userId": str(payer.pk), "amount": 100, "currency": "TOKEN", "payee": "revenue", "reason": "a round",
        "sourceFeature": "arcade", "sourceEventId": "round-7", **facts,
    }  # fmt: skip
    return world.client_of(who).post(ADDRESS, body, format="json", headers=key or world.key())


def status_and_code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("to", ["a performer", "revenue", "slots_bank"])
def test_a_hold_is_opened_the_buyer_is_notified_and_it_expires(
    arcade: User, alice: User, clock: Clock, to: str
) -> None:
    payee = str(world.performer().pk) if to == "a performer" else to

    answer = ask(arcade, alice, payee=payee)

    hold = Hold.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(hold.pk), "status": "HELD", "amount": 100, "captured": 0, "released": 0, "currency": "TOKEN",
        "payee": payee, "expiresAt": answer.json()["expiresAt"],
    }  # fmt: skip
    assert (hold.feature, hold.source_event_id, world.available(alice)) == ("arcade", "round-7", 4_900)
    (event,) = EventRow.objects.filter(key="escrow.hold.opened")
    assert (event.recipient, event.room) == (alice.pk, None)
    assert world.client_of(arcade).get(f"{ADDRESS}/{hold.pk}").json() == answer.json()

    clock.shift(seconds=301)
    services.sweep("test")
    after = world.client_of(arcade).get(f"{ADDRESS}/{hold.pk}").json()
    assert (after["status"], after["released"], after["expiresAt"]) == ("EXPIRED", 100, None)


def test_a_key_holds_once(arcade: User, alice: User) -> None:
    key = world.key()

    answers = race(*[lambda: ask(arcade, alice, key) for _ in range(5)])

    assert {(each.status_code, each.json()["id"]) for each in answers} == {(201, str(Hold.objects.get().pk))}
    assert status_and_code(ask(arcade, alice, key, amount=101)) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_long_keys_that_begin_alike_are_two_keys(arcade: User, alice: User) -> None:
    keys = [{"Idempotency-Key": "k" * 127 + last} for last in "ab"]

    first, second = (ask(arcade, alice, key) for key in keys)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    assert world.available(alice) == 4_800


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"sourceFeature": "slots"}, (403, "FORBIDDEN")),
        ({"sourceFeature": "casino"}, (403, "FORBIDDEN")),
        ({"userId": str(new_id())}, (404, "NOT_FOUND")),
        ({"payee": str(new_id())}, (400, "VALIDATION_FAILED")),
        ({"payee": "mint"}, (400, "VALIDATION_FAILED")),
        ({"payee": ""}, (400, "VALIDATION_FAILED")),
        ({"amount": 0}, (400, "VALIDATION_FAILED")),
        ({"amount": 1.5}, (400, "VALIDATION_FAILED")),
        ({"currency": "EURO"}, (400, "VALIDATION_FAILED")),
        ({"award": 5}, (400, "VALIDATION_FAILED")),
        ({"amount": 1_001}, (403, "SPEND_LIMIT_REACHED")),
    ],
)
def test_what_is_not_its_to_hold_is_refused(
    arcade: User, alice: User, facts: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert status_and_code(ask(arcade, alice, **facts)) == expected
    assert (Hold.objects.count(), world.available(alice)) == (0, 5_000)


def test_nobody_pays_herself_and_a_performer_is_no_buyer(arcade: User, alice: User) -> None:
    ruby = world.performer()
    assert status_and_code(ask(arcade, alice, payee=str(alice.pk))) == (403, "FORBIDDEN")
    assert status_and_code(ask(arcade, ruby)) == (403, "ROLE_NOT_ALLOWED")
    assert status_and_code(ask(arcade, alice, payee=str(world.person().pk))) == (400, "VALIDATION_FAILED")


def test_the_buyers_gates_are_checked_and_their_refusals_recorded(arcade: User, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(verified_at=None)

    assert status_and_code(ask(arcade, alice)) == (403, "AGE_VERIFICATION_REQUIRED")

    row = Refusal.objects.get()
    assert (row.user_id, row.feature, row.gate) == (alice.pk, "arcade", "age")


def test_the_ledgers_refusals_are_answered_unchanged(arcade: User, alice: User) -> None:
    assert status_and_code(ask(arcade, world.person())) == (402, "INSUFFICIENT_BALANCE")
    freeze(alice)
    assert status_and_code(ask(arcade, alice)) == (403, "WALLET_FROZEN")
    thaw(alice)


@pytest.mark.parametrize("role", ["user", "performer", "support", "finance", "admin"])
def test_only_service_accounts_open_holds(role: str, alice: User) -> None:
    assert status_and_code(ask(world.person(role=role), alice)) == (403, "ROLE_NOT_ALLOWED")


def test_a_scope_that_is_missing_opens_nothing(alice: User) -> None:
    assert status_and_code(ask(service(scopes=(Scope.INTAKE,)), alice)) == (403, "FORBIDDEN")
    assert status_and_code(ask(world.person(role="service"), alice)) == (403, "FORBIDDEN")


def test_an_unknown_scope_is_no_scope(arcade: User) -> None:
    with pytest.raises(IntegrityError, match="accounts_service_scopes_known"):
        ServiceAccount.objects.filter(user=arcade).update(scopes=["hold", "everything"])


def test_a_hold_is_seen_by_its_feature_and_by_staff(arcade: User, alice: User) -> None:
    address = f"{ADDRESS}/{ask(arcade, alice).json()['id']}"

    assert world.client_of(world.staff("auditor")).get(address).status_code == 200
    assert world.client_of(service("other")).get(address).status_code == 403
    assert world.client_of(alice).get(address).status_code == 403
    assert world.client_of(arcade).get(f"{ADDRESS}/{new_id()}").status_code == 404


def test_the_cap_is_exact_under_a_race(arcade: User, alice: User) -> None:
    answers = race(*[lambda: ask(arcade, alice, amount=300) for _ in range(8)])

    assert sorted(each.status_code for each in answers) == [201] * 3 + [403] * 5
    assert world.available(alice) == 4_100


def test_what_came_back_and_what_is_a_day_old_no_longer_counts(arcade: User, alice: User, clock: Clock) -> None:
    assert ask(arcade, alice, amount=1_000).status_code == 201
    assert status_and_code(ask(arcade, alice, amount=1)) == (403, "SPEND_LIMIT_REACHED")
    assert ask(arcade, alice, amount=1_000, currency="POINT", payee="slots_bank").status_code == 201

    clock.shift(seconds=301)
    services.sweep("test")
    assert ask(arcade, alice, amount=1_000).status_code == 201
    assert ask(service(), alice, amount=1).status_code == 403
