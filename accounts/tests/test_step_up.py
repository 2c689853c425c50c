"""Grants, corrections, write-offs, payouts and approvals need a current code, on the API and in the back office."""

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from accounts.tests.authenticator import Phone, with_factor
from core.ids import new_id
from escrow import services as escrow
from escrow.models import Approval, Payout
from escrow.services import Close, Currency, approvals
from escrow.tests.factories import balances, finished, wallet
from tests import world
from tests.backoffice import signed_in, text_of
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
NEEDED = (403, "STEP_UP_REQUIRED")


@pytest.fixture(autouse=True)
def strict(settings: Any) -> None:
    settings.RELAXED = False


@pytest.fixture
def finance() -> User:
    return world.staff("finance")


@pytest.fixture
def phone(finance: User) -> Phone:
    return with_factor(finance)[0]


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=100)


def post(who: User, path: str, code: str = "", key: str = "", **body: Any) -> tuple[int, str]:
    headers = {"Idempotency-Key": key or str(new_id())} | ({"X-TOTP": code} if code else {})
    answer = world.client_of(who).post(f"/api/v1/admin/{path}", body, format="json", headers=headers)
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def grant(who: User, to: User, code: str = "", key: str = "", amount: int = 50) -> tuple[int, str]:
    facts = {"userId": str(to.pk), "currency": "TOKEN", "amount": amount, "reason": "sorry"}
    return post(who, "grants", code, key, **facts)


def waiting(to: User) -> Approval:
    asked = approvals.grant(
        owner_id=to.pk, currency=Currency.TOKEN, amount=9_000, reason="sorry", actor=world.staff("admin")
    )
    assert asked.approval is not None
    return asked.approval


def payout() -> Payout:
    fan, ruby = world.person(tokens=2_000), world.performer("ruby")
    hold_id = finished(fan, ruby, 2_000, 2_000)
    escrow.close_many([Close(str(hold_id), hold_id, 2_000, 0)])
    return Payout.objects.get(pk=escrow.request_payout(performer_id=ruby.pk, amount=1_000, actor=ruby).id)


# --- API ----------------------------------------------------------------------------------------------------------
def test_a_grant_needs_a_code_and_uses_it_up(finance: User, phone: Phone, alice: User) -> None:
    code = phone.code()

    assert grant(finance, alice) == NEEDED
    assert grant(finance, alice, phone.wrong()) == NEEDED
    assert grant(finance, alice, code) == (200, "")
    assert grant(finance, alice, code) == NEEDED, "a used code"
    assert balances(alice)[0] == 150


def test_every_finance_operation_needs_a_code(finance: User, phone: Phone, alice: User) -> None:
    approval, asked = waiting(alice), payout()
    reason = {"reason": "sorry"}
    adjustment = {"userId": str(alice.pk), "currency": "TOKEN", "amount": 1, **reason}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("grants", adjustment),
        ("write-offs", adjustment),
        ("corrections", {"operationId": str(new_id()), **reason}),
        (f"approvals/{approval.pk}/approve", reason),
        (f"approvals/{approval.pk}/reject", reason),
        (f"payouts/{asked.pk}/approve", reason),
        (f"payouts/{asked.pk}/reject", reason),
    ]

    assert {post(finance, path, **body) for path, body in requests} == {NEEDED}
    approval.refresh_from_db()
    assert (approval.status, balances(alice)[0]) == ("open", 100)
    assert post(finance, f"payouts/{asked.pk}/approve", phone.code(), **reason) == (200, "")


def test_without_a_second_factor_no_code_is_right(finance: User, alice: User) -> None:
    assert grant(finance, alice, "123456") == NEEDED


def test_the_role_is_refused_before_the_code_and_the_code_before_the_object(finance: User, phone: Phone) -> None:
    nobody, support = str(new_id()), world.staff("support")

    assert post(support, f"approvals/{nobody}/approve") == (403, "ROLE_NOT_ALLOWED")
    assert post(finance, f"approvals/{nobody}/approve") == NEEDED
    assert post(finance, f"approvals/{nobody}/approve", phone.code()) == (404, "NOT_FOUND")


def test_what_is_refused_uses_no_code(finance: User, phone: Phone, alice: User) -> None:
    code = phone.code()

    assert post(finance, f"approvals/{new_id()}/approve", code) == (404, "NOT_FOUND")
    assert grant(finance, alice, code) == (200, "")


def test_a_repeated_request_is_answered_without_a_code(finance: User, phone: Phone, alice: User) -> None:
    key = str(new_id())
    assert grant(finance, alice, phone.code(), key) == (200, "")

    assert grant(finance, alice, "", key) == (200, "")
    assert balances(alice)[0] == 150


def test_of_two_grants_with_one_code_at_once_one_goes_through(finance: User, phone: Phone, alice: User) -> None:
    code = phone.code()

    outcomes = race(*[lambda: grant(finance, alice, code) for _ in range(4)])

    assert sorted(outcomes) == [(200, ""), NEEDED, NEEDED, NEEDED]
    assert balances(alice)[0] == 150


def test_ten_wrong_codes_stop_the_right_one(finance: User, phone: Phone, alice: User) -> None:
    assert {grant(finance, alice, phone.wrong()) for _ in range(10)} == {NEEDED}

    assert grant(finance, alice, phone.code()) == NEEDED


def test_demo_and_test_ask_for_no_code(finance: User, alice: User, settings: Any) -> None:
    settings.RELAXED = True

    assert grant(finance, alice) == (200, "")


# --- back office --------------------------------------------------------------------------------------------------
def send(who: User, to: User, **form: str) -> Any:
    address = reverse("admin:escrow_wallet_grant", args=[wallet(to).pk])
    return signed_in(who).post(address, {"reason": "sorry", "key": str(new_id()), "amount": "50", **form})


def decide(who: User, row: Any, **form: str) -> Any:
    address = reverse(f"admin:escrow_{type(row).__name__.lower()}_changelist")
    chosen = {"action": "approve_chosen", "_selected_action": [str(row.pk)], "reason": "sorry"}
    return signed_in(who).post(address, chosen | form)


def test_the_page_of_a_grant_asks_for_the_code_where_it_is_pressed(finance: User, phone: Phone, alice: User) -> None:
    first = signed_in(finance).get(reverse("admin:escrow_wallet_grant", args=[wallet(alice).pk]))
    shown = send(finance, alice)
    without, wrong = send(finance, alice, apply="yes"), send(finance, alice, apply="yes", code=phone.wrong())
    done = send(finance, alice, apply="yes", code=phone.code())

    assert 'name="code"' not in first.content.decode()
    assert 'name="code"' in shown.content.decode()
    for refused in (without, wrong):
        assert "A current code of your second factor is needed" in text_of(refused)
        assert "after 150 0 0 0" in text_of(refused), "the preview stays"
    assert done.status_code == 302
    assert balances(alice)[0] == 150


def test_a_used_code_does_nothing_in_the_back_office(finance: User, phone: Phone, alice: User) -> None:
    code = phone.code()
    send(finance, alice, apply="yes", code=code)

    again = send(finance, alice, apply="yes", code=code)

    assert "A current code of your second factor is needed" in text_of(again)
    assert balances(alice)[0] == 150


def test_approving_asks_for_a_code(finance: User, phone: Phone, alice: User) -> None:
    approval, asked = waiting(alice), payout()
    code = phone.code()
    without = decide(finance, approval, apply="yes")
    done, used = decide(finance, approval, apply="yes", code=code), decide(finance, asked, apply="yes", code=code)

    assert "A current code of your second factor is needed" in text_of(without)
    assert "1 of 1 decided" in text_of(done)
    assert "A current code of your second factor is needed" in text_of(used)
    approval.refresh_from_db()
    asked.refresh_from_db()
    assert (approval.status, asked.status) == ("approved", "requested")


def test_the_demos_back_office_shows_no_field_for_a_code(finance: User, alice: User, settings: Any) -> None:
    settings.RELAXED = True

    assert 'name="code"' not in send(finance, alice).content.decode()
    assert send(finance, alice, apply="yes").status_code == 302
