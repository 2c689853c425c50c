"""Grant, write-off and undo: previewed first, executed once, above the limit by two persons."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts.models import Role, User
from core.ids import new_id
from escrow.models import Approval, Operation
from escrow.services import Currency, Deposit, House, deposit
from escrow.tests.factories import balances, freeze, indebt, wallet
from tests import world
from tests.backoffice import signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def send(who: User, what: str, row: Any, **form: str) -> Any:
    model = type(row).__name__.lower()
    address = reverse(f"admin:escrow_{model}_{what}", args=[row.pk])
    return signed_in(who).post(address, {"reason": "sorry", "key": str(new_id()), **form})


@pytest.fixture
def finance() -> User:
    return world.staff("finance")


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=100)


def test_a_grant_first_shows_before_and_after(finance: User, alice: User) -> None:
    shown = send(finance, "grant", wallet(alice), amount="50")

    assert "before 100 0 0 0" in text_of(shown)
    assert "after 150 0 0 0" in text_of(shown)
    assert "It is done at once." in text_of(shown)
    assert (balances(alice)[0], LogEntry.objects.count()) == (100, 0)


def test_a_grant_sent_twice_is_one_grant(finance: User, alice: User) -> None:
    form = {"amount": "50", "apply": "yes", "key": str(new_id())}

    first, again = (send(finance, "grant", wallet(alice), **form) for _ in range(2))

    assert (first.status_code, again.status_code, first.url) == (302, 302, again.url)
    assert (balances(alice)[0], LogEntry.objects.count()) == (150, 1)
    assert Operation.objects.filter(actor=finance.pk, reason="sorry").count() == 1


def test_the_same_form_with_another_amount_is_refused(finance: User, alice: User) -> None:
    key = str(new_id())
    send(finance, "grant", wallet(alice), amount="50", apply="yes", key=key)

    refused = send(finance, "grant", wallet(alice), amount="60", apply="yes", key=key)

    assert "IDEMPOTENCY_KEY_REUSED" in text_of(refused)
    assert balances(alice)[0] == 150


def test_a_large_grant_waits_for_a_second_person(finance: User, alice: User) -> None:
    assert "A second person must approve it" in text_of(send(finance, "grant", wallet(alice), amount="5001"))
    assert Approval.objects.count() == 0

    asked = send(finance, "grant", wallet(alice), amount="5001", apply="yes")

    assert asked.url == reverse("admin:escrow_approval_change", args=[Approval.objects.get(status="open").pk])
    assert balances(alice)[0] == 100


@pytest.mark.parametrize("form", [{"amount": "0"}, {"amount": "1.5"}, {"amount": "9" * 30}, {"reason": "  "}])
def test_an_invalid_form_moves_nothing(finance: User, alice: User, form: dict[str, str]) -> None:
    answer = send(finance, "grant", wallet(alice), **{"amount": "5", "apply": "yes", **form})

    assert (answer.status_code, balances(alice)[0]) == (200, 100)


def test_a_debt_is_written_off(finance: User) -> None:
    bob = world.person("bob")
    indebt(bob, 30)

    assert "INSUFFICIENT_BALANCE" in text_of(send(finance, "write_off", wallet(bob), amount="31"))
    assert "before 0 0 0 30" in text_of(send(finance, "write_off", wallet(bob), amount="30"))
    send(finance, "write_off", wallet(bob), amount="30", apply="yes")

    assert balances(bob) == (0, 0, 0, 0)


def test_an_operation_is_undone_once(finance: User, alice: User) -> None:
    done = deposit(Deposit("k", alice.pk, Currency.TOKEN, 40, House.SALES)).operation_id
    operation = Operation.objects.get(pk=done)

    assert "before 140 0 0 0" in text_of(send(finance, "undo", operation))
    assert send(finance, "undo", operation, apply="yes").status_code == 302
    assert "INVALID_TRANSITION" in text_of(send(finance, "undo", operation, apply="yes"))
    assert balances(alice)[0] == 100


def test_the_preview_refuses_a_frozen_wallet(finance: User, alice: User) -> None:
    freeze(alice)

    assert "WALLET_FROZEN" in text_of(send(finance, "grant", wallet(alice), amount="5"))


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.FINANCE, Role.ADMIN}))
def test_other_roles_cannot_adjust(role: str, alice: User) -> None:
    who, operation = world.person(role=role), Operation.objects.get()

    for what, row in (("grant", wallet(alice)), ("write_off", wallet(alice)), ("undo", operation)):
        assert send(who, what, row, amount="5", apply="yes").status_code in (302, 403)
    assert (balances(alice)[0], Operation.objects.count()) == (100, 1)
    assert "Grant…" not in signed_in(who).get(reverse("admin:escrow_wallet_changelist")).content.decode()


def test_the_list_and_the_page_offer_the_actions(finance: User, alice: User) -> None:
    client = signed_in(finance)

    for page in ("changelist", "change"):
        args = [wallet(alice).pk] if page == "change" else []
        shown = client.get(reverse(f"admin:escrow_wallet_{page}", args=args)).content.decode()
        assert reverse("admin:escrow_wallet_grant", args=[wallet(alice).pk]) in shown
    assert client.get(reverse("admin:escrow_wallet_grant", args=[new_id()])).status_code == 404
    assert client.get(reverse("admin:escrow_wallet_grant", args=["x"])).status_code == 404
