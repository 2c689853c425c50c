"""The reconciliation page: who sees it, what it shows, and who may start a full run."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from escrow import services
from escrow.models import Verification
from escrow.services import Close, House, adjustments, auditing
from escrow.tests.admin.test_ledger import page
from escrow.tests.factories import finished, tampering, wallet
from tests import world
from tests.backoffice import signed_in, text_of
from xxxchat import verification

pytestmark = pytest.mark.django_db(transaction=True)
MAY_SEE = {Role.FINANCE, Role.ADMIN, Role.AUDITOR}


def reconciliation() -> str:
    return reverse("admin:escrow_verification_reconciliation")


@pytest.mark.parametrize("role", sorted(Role.values))
def test_who_may_see_the_page_and_who_may_start_a_run(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, **options: sent.append(name))
    client = signed_in(world.person(role=role))

    seen = client.get(reconciliation())
    client.post(reconciliation())

    assert (seen.status_code == 200) == (role in MAY_SEE)
    assert sent == (["xxxchat.verify_all"] if role in (Role.FINANCE, Role.ADMIN) else [])
    if role in MAY_SEE:
        assert ("Check everything now" in text_of(seen)) == (role != Role.AUDITOR)


def test_an_empty_ledger_balances() -> None:
    shown = text_of(signed_in(world.staff("auditor")).get(reconciliation()))

    assert "Last full run: never" in shown
    assert "Every sum that is checked is right" in shown
    assert shown.count("all of it comes to 0") == 2


def test_the_page_shows_findings_and_frozen_wallets() -> None:
    alice = world.person("alice", tokens=1_234)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = available + 5 WHERE id = %s", [wallet(alice).pk])
    verification.run(full=True)

    shown = text_of(signed_in(world.staff("auditor")).get(reconciliation()))

    assert "TOKEN: all of it comes to 5, not to 0" in shown
    assert "1,239" in shown
    assert "1 finding" in shown
    assert "alice, TOKEN" in shown
    assert "the verifier" in shown
    adjustments.repair(wallet_id=wallet(alice).pk, actor_id=alice.pk, reason="test")


def test_the_page_runs_the_same_statements_however_long() -> None:
    client = signed_in(world.staff("auditor"))
    client.get(reconciliation())
    with CaptureQueriesContext(connection, ) as few:  # fmt: skip
        client.get(reconciliation())
    for number in range(3):
        frozen = world.person(f"f{number}", tokens=10)
        auditing.freeze(wallet_id=wallet(frozen).pk, actor_id=frozen.pk, reason="x")

    with CaptureQueriesContext(connection) as many:
        client.get(reconciliation())

    assert len(many) == len(few)


def test_an_unreachable_broker_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError

    def refuse(name: str, **options: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr("celery.current_app.send_task", refuse)

    shown = signed_in(world.staff("finance")).post(reconciliation(), follow=True)

    assert "The broker is not reached" in text_of(shown)


def test_the_list_of_runs_links_to_the_page() -> None:
    verification.run(full=True)

    shown = signed_in(world.staff("auditor")).get(page(Verification, "changelist"))

    assert reconciliation() in shown.content.decode()


def test_the_page_shows_what_the_house_earned() -> None:
    alice = world.person(tokens=100)
    hold_id = finished(alice, House.REVENUE, 10, 10)
    services.close_many([Close(str(hold_id), hold_id, 10, 0)])

    shown = text_of(signed_in(world.staff("auditor")).get(reconciliation()))

    assert re.search(r"revenue 10 none yet", " ".join(shown.split()))
