"""Payouts and earnings: requested, listed, approved or rejected once, large ones by two people."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from escrow.models import Approval, Payout
from escrow.services import House
from escrow.tests.factories import balances, house
from escrow.tests.staff.client import error_of, post
from tests import world
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_payout_is_requested_listed_and_approved(finance: User, ruby: User) -> None:
    answer = post(ruby, f"performer/{ruby.pk}/payouts", amount=5_000)

    payout = answer.json()
    assert (answer.status_code, payout["status"], payout["amount"], payout["currency"]) == (
        201,
        "requested",
        5_000,
        "TOKEN",
    )
    assert (balances(ruby), house(House.PAYOUTS)) == ((0, 0, 4_000, 0), 5_000)
    assert world.client_of(ruby).get(f"/api/v1/performer/{ruby.pk}/payouts").json()["items"] == [payout]
    done = post(finance, f"admin/payouts/{payout['id']}/approve")
    assert (done.status_code, done.json()["status"]) == (200, "approved")
    listed = world.client_of(finance).get("/api/v1/admin/payouts?status=approved").json()["items"]
    assert [each["id"] for each in listed] == [payout["id"]]


def test_a_large_payout_needs_two_people(finance: User, second: User, ruby: User) -> None:
    payout = post(ruby, f"performer/{ruby.pk}/payouts", amount=6_000).json()["id"]

    asked = post(finance, f"admin/payouts/{payout}/approve")
    assert (asked.status_code, Payout.objects.get().status) == (202, "requested")
    assert error_of(post(finance, f"admin/payouts/{payout}/approve")) == (403, "SAME_APPROVER")
    done = post(second, f"admin/payouts/{payout}/approve")

    assert (done.status_code, done.json()["status"]) == (200, "approved")
    assert Approval.objects.get(pk=asked.json()["approvalId"]).decided_by == second


def test_a_rejected_payout_moves_back_and_closes_its_approval(finance: User, second: User, ruby: User) -> None:
    payout = post(ruby, f"performer/{ruby.pk}/payouts", amount=6_000).json()["id"]
    post(finance, f"admin/payouts/{payout}/approve")

    assert error_of(post(second, f"admin/payouts/{payout}/reject")) == (400, "VALIDATION_FAILED")
    done = post(second, f"admin/payouts/{payout}/reject", reason="unknown account")

    assert (done.json()["status"], done.json()["reason"]) == ("rejected", "unknown account")
    assert (balances(ruby), house(House.PAYOUTS), Approval.objects.get().status) == ((0, 0, 9_000, 0), 0, "rejected")
    assert error_of(post(finance, f"admin/payouts/{payout}/approve")) == (409, "APPROVAL_CLOSED")


def test_approve_against_reject_of_one_payout_has_one_winner(finance: User, second: User, ruby: User) -> None:
    payout = post(ruby, f"performer/{ruby.pk}/payouts", amount=2_000).json()["id"]

    answers = race(
        lambda: post(finance, f"admin/payouts/{payout}/approve"),
        lambda: post(second, f"admin/payouts/{payout}/reject", reason="x"),
    )

    assert sorted(each.status_code for each in answers) == [200, 409]
    assert balances(ruby)[2] == (7_000 if answers[0].status_code == 200 else 9_000)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (999, (422, "PAYOUT_TOO_SMALL")),
        (9_001, (402, "INSUFFICIENT_BALANCE")),
        (0, (400, "VALIDATION_FAILED")),
        ("5000", (400, "VALIDATION_FAILED")),
    ],
)
def test_an_invalid_payout_is_refused(ruby: User, amount: Any, expected: tuple[int, str]) -> None:
    answer = post(ruby, f"performer/{ruby.pk}/payouts", amount=amount)

    assert error_of(answer) == expected
    assert (Payout.objects.count(), balances(ruby)[2]) == (0, 9_000)
    if amount == 999:
        assert answer.json()["error"]["details"]["minimum"] == 1_000


def test_a_payout_sent_twice_is_one_payout(ruby: User) -> None:
    key = world.key()
    answers = race(*[lambda: post(ruby, f"performer/{ruby.pk}/payouts", key, amount=2_000) for _ in range(5)])

    assert {(each.status_code, each.json()["id"]) for each in answers} == {(201, str(Payout.objects.get().pk))}
    assert balances(ruby)[2] == 7_000


def test_the_payout_endpoint_costs_the_same_few_statements(ruby: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as run:
            assert post(ruby, f"performer/{ruby.pk}/payouts", amount=1_000).status_code == 201
        return sum(not each["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for each in run)

    assert [cost() for _ in range(3)] == [5, 5, 5]  # replay, key, payout, the row, the answer


@pytest.mark.parametrize("path", ["payouts", "earnings"])
def test_a_performer_does_not_read_anothers_money(ruby: User, finance: User, path: str) -> None:
    address = f"/api/v1/performer/{ruby.pk}/{path}"

    for stranger in (world.performer(), world.person()):
        assert world.client_of(stranger).get(address).status_code == 403
    assert world.client_of(finance).get(address).status_code == 200
    if path == "payouts":
        assert error_of(post(world.performer(), f"performer/{ruby.pk}/payouts", amount=1_000)) == (403, "FORBIDDEN")
        assert error_of(post(finance, f"performer/{ruby.pk}/payouts", amount=1_000)) == (403, "FORBIDDEN")


def test_earnings_are_the_balance_the_payouts_and_recent_settlements(ruby: User, finance: User, clock: Any) -> None:
    paid = post(ruby, f"performer/{ruby.pk}/payouts", amount=2_000).json()["id"]
    post(finance, f"admin/payouts/{paid}/approve")
    post(ruby, f"performer/{ruby.pk}/payouts", amount=1_000)
    clock.shift(days=2)

    assert world.client_of(ruby).get(f"/api/v1/performer/{ruby.pk}/earnings").json() == {
        "currency": "TOKEN",
        "earned": 6_000,
        "owed": 0,
        "payoutsPending": 1_000,
        "paidOut": 2_000,
        "minimumPayout": 1_000,
        "last24Hours": {"settled": 0, "count": 0},
        "last7Days": {"settled": 9_000, "count": 1},
        "last30Days": {"settled": 9_000, "count": 1},
    }
