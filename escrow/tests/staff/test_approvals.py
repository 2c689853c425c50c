"""Grants, corrections and write-offs: four eyes above the limit, each request once, nothing moves on a refusal."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from core.ids import new_id
from escrow import services
from escrow.models import Approval, Operation
from escrow.services import Close, Currency, Deposit, House, adjustments
from escrow.tests.factories import balances, finished, freeze, house, thaw
from escrow.tests.staff.client import error_of, grant, post
from tests import world
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_small_grant_is_done_at_once(finance: User, alice: User) -> None:
    answer = grant(finance, alice, 5_000)

    operation = Operation.objects.get(pk=answer.json()["operationId"])
    assert (answer.status_code, operation.actor, operation.reason) == (200, finance.pk, "sorry")
    assert (balances(alice), house(House.MINT)) == ((5_000, 0, 0, 0), -5_000)


def test_a_large_grant_moves_when_a_second_person_approves(finance: User, second: User, alice: User) -> None:
    answer = grant(finance, alice, 5_001)
    assert (answer.status_code, set(answer.json())) == (202, {"approvalId"})
    address = f"admin/approvals/{answer.json()['approvalId']}"
    assert balances(alice) == (0, 0, 0, 0)

    assert error_of(post(finance, f"{address}/approve")) == (403, "SAME_APPROVER")
    done = post(second, f"{address}/approve", reason="fine")

    assert (done.status_code, done.json()["status"], done.json()["decidedBy"]) == (200, "approved", str(second.pk))
    assert done.json()["operationId"] == str(Operation.objects.get(kind="deposit").pk)
    assert balances(alice) == (5_001, 0, 0, 0)
    assert error_of(post(second, f"{address}/approve")) == (409, "APPROVAL_CLOSED")
    assert error_of(post(second, f"{address}/reject")) == (409, "APPROVAL_CLOSED")


@pytest.mark.parametrize("who", ["the one who asked", "another"])
def test_a_rejected_request_moves_nothing(finance: User, second: User, alice: User, who: str) -> None:
    address = f"admin/approvals/{grant(finance, alice, 9_000).json()['approvalId']}"

    done = post(finance if who == "the one who asked" else second, f"{address}/reject", reason="no")

    assert (done.status_code, done.json()["status"], done.json()["operationId"]) == (200, "rejected", None)
    assert balances(alice) == (0, 0, 0, 0)


def test_a_refused_adjustment_leaves_the_approval_open(finance: User, second: User, alice: User) -> None:
    address = f"admin/approvals/{grant(finance, alice, 9_000).json()['approvalId']}"
    freeze(alice)
    assert error_of(post(second, f"{address}/approve")) == (403, "WALLET_FROZEN")

    thaw(alice)
    assert post(second, f"{address}/approve").status_code == 200


def test_two_approvers_at_once_move_it_once(finance: User, second: User, alice: User) -> None:
    address = f"admin/approvals/{grant(finance, alice, 9_000).json()['approvalId']}/approve"
    third = world.staff("finance")

    answers = race(*[lambda who=who: post(who, address) for who in (second, third, second, third)])

    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    assert balances(alice) == (9_000, 0, 0, 0)


def test_a_repeated_request_is_one_request(finance: User, alice: User) -> None:
    for amount, status in ((100, 200), (6_000, 202)):
        key, facts = world.key(), {"userId": str(alice.pk), "currency": "TOKEN", "amount": amount, "reason": "x"}
        first, again = (post(finance, "admin/grants", key, **facts) for _ in range(2))
        assert (first.status_code, again.status_code, first.json()) == (status, status, again.json())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert (balances(alice)[0], Approval.objects.count()) == (100, 1)


def test_a_correction_reverses_an_operation_with_its_reason(finance: User, second: User, alice: User) -> None:
    small, large = (
        services.deposit(Deposit(str(new_id()), alice.pk, Currency.TOKEN, amount, House.SALES)).operation_id
        for amount in (100, 6_000)
    )

    assert post(finance, "admin/corrections", operationId=str(small), reason="twice").status_code == 200
    assert error_of(post(finance, "admin/corrections", operationId=str(small), reason="x")) == (
        409,
        "INVALID_TRANSITION",
    )
    asked = [post(finance, "admin/corrections", operationId=str(large), reason="twice") for _ in range(2)]
    assert [each.status_code for each in asked] == [202, 202]
    assert asked[0].json() == asked[1].json()
    assert balances(alice) == (6_000, 0, 0, 0)

    assert post(second, f"admin/approvals/{asked[0].json()['approvalId']}/approve").status_code == 200
    assert balances(alice) == (0, 0, 0, 0)
    assert Operation.objects.get(reverses_id=small).reason == "twice"


def test_what_was_spent_is_not_taken_by_a_correction(finance: User, alice: User) -> None:
    operation = services.deposit(Deposit("k", alice.pk, Currency.TOKEN, 100, House.SALES)).operation_id
    hold_id = finished(alice, House.REVENUE, 1, 1)
    services.close_many([Close(str(hold_id), hold_id, 1, 0)])

    answer = post(finance, "admin/corrections", operationId=str(operation), reason="x")

    assert error_of(answer) == (402, "INSUFFICIENT_BALANCE")
    assert balances(alice) == (99, 0, 0, 0)


def test_a_debt_is_written_off_as_far_as_it_goes(finance: User, alice: User) -> None:
    operation = services.deposit(Deposit("k", alice.pk, Currency.TOKEN, 100, House.SALES)).operation_id
    hold_id = finished(alice, House.REVENUE, 100, 100)
    services.close_many([Close(str(hold_id), hold_id, 100, 0)])
    adjustments.chargeback_many([adjustments.Reversal(operation)])
    facts: dict[str, Any] = {"userId": str(alice.pk), "currency": "TOKEN", "reason": "gone"}

    assert error_of(post(finance, "admin/write-offs", amount=101, **facts)) == (402, "INSUFFICIENT_BALANCE")
    assert post(finance, "admin/write-offs", amount=100, **facts).status_code == 200
    assert (balances(alice), house(House.LOSSES)) == ((0, 0, 0, 0), -100)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"amount": 0}, (400, "VALIDATION_FAILED")),
        ({"amount": -5}, (400, "VALIDATION_FAILED")),
        ({"amount": True}, (400, "VALIDATION_FAILED")),
        ({"amount": 1_000_000_001}, (400, "VALIDATION_FAILED")),
        ({"reason": ""}, (400, "VALIDATION_FAILED")),
        ({"reason": "  "}, (400, "VALIDATION_FAILED")),
        ({"currency": "EURO"}, (400, "VALIDATION_FAILED")),
        ({"userId": str(new_id())}, (404, "NOT_FOUND")),
        ({"house": "mint"}, (400, "VALIDATION_FAILED")),
    ],
)
def test_a_bad_request_is_refused(finance: User, alice: User, body: dict[str, Any], expected: tuple[int, str]) -> None:
    assert error_of(grant(finance, alice, **{"amount": 5, **body})) == expected
    assert (Operation.objects.count(), Approval.objects.count()) == (0, 0)


@pytest.mark.parametrize("role", ["user", "performer", "support", "games", "auditor", "service"])
def test_only_finance_and_admin_move_money(role: str, finance: User, alice: User, ruby: User) -> None:
    who, approval = world.person(role=role), grant(finance, alice, 9_000).json()["approvalId"]
    payout = services.request_payout(performer_id=ruby.pk, amount=1_000, actor=ruby)

    for path, body in (
        ("admin/grants", {"userId": str(alice.pk), "currency": "TOKEN", "amount": 5, "reason": "x"}),
        ("admin/write-offs", {"userId": str(alice.pk), "currency": "TOKEN", "amount": 5, "reason": "x"}),
        ("admin/corrections", {"operationId": str(new_id()), "reason": "x"}),
        (f"admin/approvals/{approval}/approve", {}),
        (f"admin/approvals/{approval}/reject", {}),
        (f"admin/payouts/{payout.id}/approve", {}),
        (f"admin/payouts/{payout.id}/reject", {"reason": "x"}),
    ):
        assert error_of(post(who, path, **body)) == (403, "ROLE_NOT_ALLOWED"), path


def test_approvals_are_listed_for_those_who_may_read(finance: User, alice: User) -> None:
    asked = [grant(finance, alice, 9_000).json()["approvalId"] for _ in range(3)]

    auditor = world.client_of(world.staff("auditor"))
    page = auditor.get("/api/v1/admin/approvals?status=open&limit=2").json()
    assert [each["id"] for each in page["items"]] == asked[:0:-1]
    assert auditor.get(f"/api/v1/admin/approvals?limit=2&cursor={page['next']}").json()["items"][0]["id"] == asked[0]
    assert auditor.get(f"/api/v1/admin/approvals/{asked[0]}").json()["kind"] == "grant"
    assert auditor.get(f"/api/v1/admin/approvals/{new_id()}").status_code == 404
    assert world.client_of(alice).get("/api/v1/admin/approvals").status_code == 403


@pytest.mark.parametrize(
    ("sql", "results"),
    [
        ("UPDATE escrow_approval SET amount = 1", "keeps its terms"),
        ("UPDATE escrow_approval SET status = 'approved', decided_by_id = requested_by_id, decided_at = core_now(),"
         " result_id = (SELECT id FROM escrow_operation LIMIT 1)", "four_eyes"),
        ("UPDATE escrow_approval SET status = 'approved', decided_at = core_now()", "escrow_approval_complete"),
        ("DELETE FROM escrow_approval", "append-only"),
        ("INSERT INTO escrow_approval (id, kind, user_id, currency, amount, reason, requested_by_id, status,"
         " decision_reason) SELECT gen_random_uuid(), 'grant', user_id, 'TOKEN', 5, 'x', user_id, 'approved', ''"
         " FROM escrow_approval", "begins open"),
    ],
)  # fmt: skip
def test_raw_sql_approves_nothing(finance: User, alice: User, sql: str, results: str) -> None:
    services.deposit(Deposit("k", alice.pk, Currency.TOKEN, 100, House.SALES))
    grant(finance, alice, 9_000)

    with pytest.raises(IntegrityError, match=results), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
