"""What staff see and decide over the API."""

from datetime import date, timedelta
from typing import Any

import pytest

from accounts.models import Role, User
from compliance.models import AgeCase, AgeDate, AgeDecision, Break, Limit, PolicyVersion, Refusal
from compliance.models.breaks import BreakKind
from core.clock import db_now
from tests.hostile.asking import code, nothing_written
from tests.world import client_of, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/admin/compliance"
POLICY = {"slots": False, "wheel": True, "minimumAge": 21, "reason": "A new law."}


def decide(user: User, verb: str, *, by: User | None = None, **body: Any) -> Any:
    address = f"{ADDRESS}/verifications/{user.pk}/{verb}"
    return client_of(by or staff()).post(address, {"reason": "Seen a document."} | body, format="json")


def items(path: str, *, by: User | None = None) -> list[dict[str, Any]]:
    answer = client_of(by or staff()).get(f"{ADDRESS}/{path}")
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"items", "next"}
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def unverified() -> User:
    user = person()
    user.verified_at = None
    user.save()
    return user


def put(region: str, *, by: User | None = None, **changed: Any) -> Any:
    return client_of(by or staff(Role.GAMES)).put(f"{ADDRESS}/policies/{region}", POLICY | changed, format="json")


def test_verifying_sets_age_and_date_and_is_a_record() -> None:
    user, support = unverified(), staff()

    answer = decide(user, "verify", by=support, dateOfBirth="1990-02-28")

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["userId"], shown["state"], shown["dateOfBirth"]) == (str(user.pk), "verified", "1990-02-28")
    assert shown["decidedBy"] == str(support.pk)
    user.refresh_from_db()
    assert user.verified_at is not None
    decision = AgeDecision.objects.get()
    assert (decision.user, decision.outcome, decision.by, decision.actor) == (user, "verified", "staff", support)
    assert (decision.reason, decision.policy_version) == ("Seen a document.", "0")
    assert AgeDate.objects.get().new == date(1990, 2, 28)


def test_a_rejection_takes_the_age_back_and_another_decision_undoes_it() -> None:
    user = person()

    proven = User.objects.filter(pk=user.pk, verified_at__isnull=False)

    assert decide(user, "reject").json()["state"] == "rejected"
    assert not proven.exists()
    assert decide(user, "verify").json()["state"] == "verified"
    assert proven.exists()

    assert list(AgeDecision.objects.order_by("id").values_list("outcome", flat=True)) == ["rejected", "verified"]
    assert AgeCase.objects.count() == 1


@pytest.mark.parametrize("born", ["2999-01-01", "1899-12-31"])
def test_a_date_that_is_no_birthday_is_refused(born: str) -> None:
    user, support = unverified(), staff()
    with nothing_written():
        assert code(decide(user, "reject", by=support, dateOfBirth=born)) == (400, "VALIDATION_FAILED")


def test_who_is_under_18_cannot_be_verified_but_rejected() -> None:
    user, support = unverified(), staff()
    born = (db_now() - timedelta(days=17 * 365)).date().isoformat()

    with nothing_written():
        assert code(decide(user, "verify", by=support, dateOfBirth=born)) == (400, "VALIDATION_FAILED")
    assert decide(user, "reject", dateOfBirth=born).status_code == 200
    with nothing_written():
        assert code(decide(user, "verify", by=support)) == (400, "VALIDATION_FAILED")


def test_only_users_have_an_age_to_decide() -> None:
    performer = person(role=Role.PERFORMER)
    assert code(decide(performer, "verify")) == (404, "NOT_FOUND")


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": " "}, {"reason": 1}, {"dateOfBirth": "1990-2-1"}])
def test_a_decision_needs_a_reason_and_a_whole_date(body: dict[str, Any]) -> None:
    user = unverified()
    assert code(decide(user, "verify", **body)) == (400, "VALIDATION_FAILED")


def test_the_queue_is_listed_by_state() -> None:
    waiting, decided = unverified(), unverified()
    AgeCase.objects.create(user=waiting, region="DEMO")
    decide(decided, "verify")

    assert [each["userId"] for each in items("verifications?state=pending")] == [str(waiting.pk)]
    assert [each["userId"] for each in items("verifications?state=verified")] == [str(decided.pk)]
    assert len(items("verifications", by=staff(Role.AUDITOR))) == 2


def test_refusals_are_listed_by_user_and_code() -> None:
    alice, bob = person(), person()
    for user, text in ((alice, "SPIN_TOO_FAST"), (alice, "SELF_EXCLUDED"), (bob, "SPIN_TOO_FAST")):
        Refusal.objects.create(user=user, feature="slots", gate="x", code=text, policy_version="1", region="DEMO")

    assert [each["code"] for each in items(f"refusals?userId={alice.pk}")] == ["SELF_EXCLUDED", "SPIN_TOO_FAST"]
    (found,) = items(f"refusals?userId={bob.pk}&code=SPIN_TOO_FAST")
    assert list(found) == ["id", "userId", "feature", "gate", "code", "policyVersion", "region", "at"]
    assert items("refusals?code=NONE") == []


def test_breaks_and_limits_are_listed_by_user() -> None:
    alice, now = person(), db_now()
    Break.objects.create(user=alice, kind=BreakKind.EXCLUSION, duration="forGood")
    Limit.objects.create(
        user=alice, currency="POINT", window="24h", amount=100, is_pending=True, pending_amount=200,
        asked_at=now, effective_at=now + timedelta(hours=24), confirm_by=now + timedelta(days=8),
    )  # fmt: skip

    (excluded,) = items(f"exclusions?userId={alice.pk}")
    assert (excluded["kind"], excluded["until"], excluded["duration"]) == ("exclusion", None, "forGood")
    (limit,) = items(f"limits?userId={alice.pk}")
    assert (limit["currency"], limit["window"], limit["limit"], limit["pending"]["limit"]) == ("POINT", "24h", 100, 200)
    assert items(f"limits?userId={person().pk}") == []


def test_a_policy_is_replaced_by_one_more_version() -> None:
    games, before = staff(Role.GAMES), PolicyVersion.objects.count()

    first, second = put("NORTH", by=games), put("NORTH", by=games, slots=True, reason="Repealed.")

    assert (first.status_code, second.status_code) == (200, 200)
    shown = second.json()
    assert shown == client_of(games).get(f"{ADDRESS}/policies/NORTH").json()
    assert shown["version"] == first.json()["version"] + 1
    assert (shown["slots"], shown["minimumAge"], shown["reason"]) == (True, 21, "Repealed.")
    assert shown["authorId"] == str(games.pk)
    assert PolicyVersion.objects.count() == before + 2


@pytest.mark.parametrize("region", ["NOWHERE", "A,B", "x" * 41, "%00"])
def test_a_region_without_a_policy_is_not_found(region: str) -> None:
    assert code(client_of(staff(Role.GAMES)).get(f"{ADDRESS}/policies/{region}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize("region", ["A,B", "x" * 41, "%00"])
def test_what_is_no_region_gets_no_policy(region: str) -> None:
    games = staff(Role.GAMES)
    with nothing_written():
        assert code(put(region, by=games)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("changed", [{"minimumAge": 17}, {"minimumAge": 100}, {"reason": ""}, {"slots": 1}])
def test_a_policy_out_of_range_is_refused(changed: dict[str, Any]) -> None:
    games = staff(Role.GAMES)
    with nothing_written():
        assert code(put("NORTH", by=games, **changed)) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("role", [Role.USER, Role.PERFORMER, Role.FINANCE, Role.GAMES, Role.AUDITOR])
def test_only_support_decides_ages(role: Role) -> None:
    user, other = unverified(), person(role=role)
    with nothing_written():
        assert code(decide(user, "verify", by=other)) == (403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize("role", [Role.USER, Role.SUPPORT, Role.AUDITOR])
def test_only_games_sees_and_sets_policies_here(role: Role) -> None:
    other = person(role=role)
    with nothing_written():
        assert code(put("NORTH", by=other)) == (403, "ROLE_NOT_ALLOWED")
