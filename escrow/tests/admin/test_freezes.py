"""Findings, the verifier's runs and freezes in the back office: who sees them, and who thaws a wallet."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from escrow.models import Finding, Freeze, Verification
from escrow.services import auditing
from escrow.tests.admin.test_ledger import page
from escrow.tests.factories import wallet
from tests import world
from tests.backoffice import signed_in, text_of
from xxxchat import verification

pytestmark = pytest.mark.django_db(transaction=True)


def frozen(*names: str) -> list[Freeze]:
    """Wallets frozen by hand."""
    finance = world.staff("finance")
    for name in names:
        auditing.freeze(wallet_id=wallet(world.person(name)).pk, actor_id=finance.pk, reason="a phone call")
    return list(Freeze.objects.order_by("id"))


def act(who: User, rows: list[Freeze], **form: str) -> Any:
    chosen = {"action": "thaw_chosen", "_selected_action": [str(row.pk) for row in rows]}
    return signed_in(who).post(page(Freeze, "changelist"), chosen | form)


def test_thawing_first_shows_a_preview_and_changes_nothing() -> None:
    rows = frozen("alice", "bob")

    shown = act(world.staff("finance"), rows)

    assert "2 of 2 wallets can be let go" in text_of(shown)
    assert Freeze.objects.filter(thawed_at=None).count() == 2


def test_each_wallet_is_thawed_with_the_reason_and_an_audit_row() -> None:
    rows, finance = frozen("alice", "bob"), world.staff("finance")
    auditing.thaw(wallet_id=rows[0].wallet_id, actor_id=finance.pk, reason="before")

    done = act(finance, rows, apply="yes", reason="checked")

    assert "1 of 2 wallets let go" in text_of(done)
    assert "was let go before" in text_of(done)
    assert list(Freeze.objects.order_by("id").values_list("thaw_reason", "wallet__status")) == [
        ("before", "active"),
        ("checked", "active"),
    ]
    assert [log.object_id for log in LogEntry.objects.all()] == [str(rows[1].pk)]


def test_thawing_needs_a_reason() -> None:
    rows = frozen("alice")

    assert "This field is required" in text_of(act(world.staff("admin"), rows, apply="yes", reason=" "))
    assert Freeze.objects.get().thawed_at is None


@pytest.mark.parametrize("role", ["support", "games", "auditor"])
def test_other_roles_read_and_cannot_thaw(role: str) -> None:
    rows = frozen("alice")
    verification.run(full=True)

    act(world.staff(role), rows, apply="yes", reason="checked")

    assert Freeze.objects.get().thawed_at is None
    for model in (Verification, Finding, Freeze):
        assert signed_in(world.staff(role)).get(page(model, "changelist")).status_code == 200
        assert signed_in(world.performer()).get(page(model, "changelist")).status_code == 403
