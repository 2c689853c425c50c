"""The money desk: four eyes above the limit, each wish once, nothing moves on a refusal."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.ids import new_id
from escrow import services
from escrow.models import Approval, Operation, Payout
from escrow.services import Close, Currency, Deposit, House, adjustments
from escrow.tests.moving import balances, finished, freeze, house, thaw
from tests import world
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def finance() -> User:
    return world.staff("finance")


@pytest.fixture
def second() -> User:
    return world.staff("admin")


@pytest.fixture
def alice() -> User:
    return world.person("alice")


@pytest.fixture
def ruby() -> User:
    """A performer who has earned 9,000 tokens."""
    fan, ruby = world.person(tokens=9_000), world.performer("ruby")
    hold_id = finished(fan, ruby, 9_000, 9_000)
    services.close_many([Close(str(hold_id), hold_id, 9_000, 0)])
    return ruby


def post(who: User, path: str, key: dict[str, str] | None = None, **body: Any) -> Any:
    return world.client_of(who).post(f"/api/v1/{path}", body, format="json", headers=key or world.key())


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def grant(who: User, owner: User, amount: int, **more: Any) -> Any:
    facts = {"userId": str(owner.pk), "currency": "TOKEN", "amount": amount, "reason": "sorry", **more}
    return post(who, "admin/grants", **facts)


def test_a_small_grant_is_done_at_once(finance: User, alice: User) -> None:
    answer = grant(finance, alice, 5_000)

    operation = Operation.objects.get(pk=answer.json()["operationId"])
    assert (answer.status_code, operation.actor, operation.reason) == (200, finance.pk, "sorry")
    assert (balances(alice), house(House.MINT)) == ((5_000, 0, 0, 0), -5_000)


def test_a_large_grant_moves_when_a_second_person_says_so(finance: User, second: User, alice: User) -> None:
    answer = grant(finance, alice, 5_001)
    assert (answer.status_code, set(answer.json())) == (202, {"approvalId"})
    address = f"admin/approvals/{answer.json()['approvalId']}"
    assert balances(alice) == (0, 0, 0, 0)

    assert told(post(finance, f"{address}/approve")) == (403, "SAME_APPROVER")
    done = post(second, f"{address}/approve", reason="fine")

    assert (done.status_code, done.json()["status"], done.json()["decidedBy"]) == (200, "approved", str(second.pk))
    assert done.json()["operationId"] == str(Operation.objects.get(kind="deposit").pk)
    assert balances(alice) == (5_001, 0, 0, 0)
    assert told(post(second, f"{address}/approve")) == (409, "APPROVAL_CLOSED")
    assert told(post(second, f"{address}/reject")) == (409, "APPROVAL_CLOSED")


@pytest.mark.parametrize("who", ["the one who asked", "another"])
def test_a_rejected_wish_moves_nothing(finance: User, second: User, alice: User, who: str) -> None:
    address = f"admin/approvals/{grant(finance, alice, 9_000).json()['approvalId']}"

    done = post(finance if who == "the one who asked" else second, f"{address}/reject", reason="no")

    assert (done.status_code, done.json()["status"], done.json()["operationId"]) == (200, "rejected", None)
    assert balances(alice) == (0, 0, 0, 0)


def test_a_refused_movement_leaves_the_approval_open(finance: User, second: User, alice: User) -> None:
    address = f"admin/approvals/{grant(finance, alice, 9_000).json()['approvalId']}"
    freeze(alice)
    assert told(post(second, f"{address}/approve")) == (403, "WALLET_FROZEN")

    thaw(alice)
    assert post(second, f"{address}/approve").status_code == 200


def test_two_approvers_at_once_move_it_once(finance: User, second: User, alice: User) -> None:
    address = f"admin/approvals/{grant(finance, alice, 9_000).json()['approvalId']}/approve"
    third = world.staff("finance")

    answers = race(*[lambda who=who: post(who, address) for who in (second, third, second, third)])

    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    assert balances(alice) == (9_000, 0, 0, 0)


def test_a_repeated_wish_is_one_wish(finance: User, alice: User) -> None:
    for amount, status in ((100, 200), (6_000, 202)):
        key, facts = world.key(), {"userId": str(alice.pk), "currency": "TOKEN", "amount": amount, "reason": "x"}
        first, again = (post(finance, "admin/grants", key, **facts) for _ in range(2))
        assert (first.status_code, again.status_code, first.json()) == (status, status, again.json())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert (balances(alice)[0], Approval.objects.count()) == (100, 1)


def test_a_correction_undoes_an_operation_with_its_reason(finance: User, second: User, alice: User) -> None:
    small, large = (
        services.deposit(Deposit(str(new_id()), alice.pk, Currency.TOKEN, amount, House.SALES)).operation_id
        for amount in (100, 6_000)
    )

    assert post(finance, "admin/corrections", operationId=str(small), reason="twice").status_code == 200
    assert told(post(finance, "admin/corrections", operationId=str(small), reason="x")) == (409, "INVALID_TRANSITION")
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

    assert told(answer) == (402, "INSUFFICIENT_BALANCE")
    assert balances(alice) == (99, 0, 0, 0)


def test_a_debt_is_written_off_as_far_as_it_goes(finance: User, alice: User) -> None:
    operation = services.deposit(Deposit("k", alice.pk, Currency.TOKEN, 100, House.SALES)).operation_id
    hold_id = finished(alice, House.REVENUE, 100, 100)
    services.close_many([Close(str(hold_id), hold_id, 100, 0)])
    adjustments.chargeback_many([adjustments.Reversal(operation)])
    facts: dict[str, Any] = {"userId": str(alice.pk), "currency": "TOKEN", "reason": "gone"}

    assert told(post(finance, "admin/write-offs", amount=101, **facts)) == (402, "INSUFFICIENT_BALANCE")
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
def test_a_bad_wish_is_refused(finance: User, alice: User, body: dict[str, Any], expected: tuple[int, str]) -> None:
    assert told(grant(finance, alice, **{"amount": 5, **body})) == expected
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
        assert told(post(who, path, **body)) == (403, "ROLE_NOT_ALLOWED"), path


def test_a_payout_is_asked_for_listed_and_approved(finance: User, ruby: User) -> None:
    answer = post(ruby, f"performer/{ruby.pk}/payouts", amount=5_000)

    said = answer.json()
    assert (answer.status_code, said["status"], said["amount"], said["currency"]) == (201, "requested", 5_000, "TOKEN")
    assert (balances(ruby), house(House.PAYOUTS)) == ((0, 0, 4_000, 0), 5_000)
    assert world.client_of(ruby).get(f"/api/v1/performer/{ruby.pk}/payouts").json()["items"] == [said]
    done = post(finance, f"admin/payouts/{said['id']}/approve")
    assert (done.status_code, done.json()["status"]) == (200, "approved")
    listed = world.client_of(finance).get("/api/v1/admin/payouts?status=approved").json()["items"]
    assert [each["id"] for each in listed] == [said["id"]]


def test_a_large_payout_goes_by_two_persons_word(finance: User, second: User, ruby: User) -> None:
    payout = post(ruby, f"performer/{ruby.pk}/payouts", amount=6_000).json()["id"]

    asked = post(finance, f"admin/payouts/{payout}/approve")
    assert (asked.status_code, Payout.objects.get().status) == (202, "requested")
    assert told(post(finance, f"admin/payouts/{payout}/approve")) == (403, "SAME_APPROVER")
    done = post(second, f"admin/payouts/{payout}/approve")

    assert (done.status_code, done.json()["status"]) == (200, "approved")
    assert Approval.objects.get(pk=asked.json()["approvalId"]).decided_by == second


def test_a_rejected_payout_moves_back_and_closes_its_approval(finance: User, second: User, ruby: User) -> None:
    payout = post(ruby, f"performer/{ruby.pk}/payouts", amount=6_000).json()["id"]
    post(finance, f"admin/payouts/{payout}/approve")

    assert told(post(second, f"admin/payouts/{payout}/reject")) == (400, "VALIDATION_FAILED")
    done = post(second, f"admin/payouts/{payout}/reject", reason="unknown account")

    assert (done.json()["status"], done.json()["reason"]) == ("rejected", "unknown account")
    assert (balances(ruby), house(House.PAYOUTS), Approval.objects.get().status) == ((0, 0, 9_000, 0), 0, "rejected")
    assert told(post(finance, f"admin/payouts/{payout}/approve")) == (409, "APPROVAL_CLOSED")


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
def test_a_payout_that_cannot_be_is_refused(ruby: User, amount: Any, expected: tuple[int, str]) -> None:
    answer = post(ruby, f"performer/{ruby.pk}/payouts", amount=amount)

    assert told(answer) == expected
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
def test_money_of_one_performer_is_not_for_another(ruby: User, finance: User, path: str) -> None:
    address = f"/api/v1/performer/{ruby.pk}/{path}"

    for stranger in (world.performer(), world.person()):
        assert world.client_of(stranger).get(address).status_code == 403
    assert world.client_of(finance).get(address).status_code == 200
    if path == "payouts":
        assert told(post(world.performer(), f"performer/{ruby.pk}/payouts", amount=1_000)) == (403, "FORBIDDEN")
        assert told(post(finance, f"performer/{ruby.pk}/payouts", amount=1_000)) == (403, "FORBIDDEN")


def test_earnings_tell_what_is_there_and_what_came_in_lately(ruby: User, finance: User, clock: Any) -> None:
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
    ("sql", "told"),
    [
        ("UPDATE escrow_approval SET amount = 1", "keeps its terms"),
        ("UPDATE escrow_approval SET status = 'approved', decided_by_id = requested_by_id, decided_at = core_now(),"
         " result_id = (SELECT id FROM escrow_operation LIMIT 1)", "four_eyes"),
        ("UPDATE escrow_approval SET status = 'approved', decided_at = core_now()", "told_whole"),
        ("DELETE FROM escrow_approval", "append-only"),
        ("INSERT INTO escrow_approval (id, kind, user_id, currency, amount, reason, requested_by_id, status,"
         " decision_reason) SELECT gen_random_uuid(), 'grant', user_id, 'TOKEN', 5, 'x', user_id, 'approved', ''"
         " FROM escrow_approval", "begins open"),
    ],
)  # fmt: skip
def test_raw_sql_approves_nothing(finance: User, alice: User, sql: str, told: str) -> None:
    services.deposit(Deposit("k", alice.pk, Currency.TOKEN, 100, House.SALES))
    grant(finance, alice, 9_000)

    with pytest.raises(IntegrityError, match=told), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
