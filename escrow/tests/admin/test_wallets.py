"""Freezing and repairing wallets by action: a dry run, one result and one audit row per wallet."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from accounts.models import Role, User
from escrow import services
from escrow.models import Freeze, Operation, Wallet
from escrow.services import auditing
from escrow.tests.admin.test_ledger import page
from escrow.tests.factories import balances, tampering, wallet
from tests import world
from tests.backoffice import signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def act(who: User, action: str, rows: list[Wallet], **form: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return signed_in(who).post(page(Wallet, "changelist"), chosen | form)


def test_each_wallet_is_frozen_with_its_own_result() -> None:
    alice, bob = (wallet(world.person(name, tokens=10)) for name in ("alice", "bob"))
    finance = world.staff("finance")
    auditing.freeze(wallet_id=bob.pk, actor_id=finance.pk, reason="before")

    shown = act(finance, "freeze_chosen", [alice, bob])
    assert "1 of 2 wallets can be frozen" in text_of(shown)
    assert Freeze.objects.count() == 1
    done = act(finance, "freeze_chosen", [alice, bob], apply="yes", reason="a phone call")

    assert "stands still already" in text_of(done)
    assert Freeze.objects.filter(wallet=alice, reason="a phone call", frozen_by=finance.pk).exists()
    assert [log.object_id for log in LogEntry.objects.all()] == [str(alice.pk)]


def test_a_wallet_changed_from_outside_is_repaired_and_a_sound_one_is_not() -> None:
    alice, bob = world.person("alice", tokens=100), world.person("bob", tokens=100)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 999 WHERE id = %s", [wallet(alice).pk])
    chosen = [wallet(alice), wallet(bob)]

    shown = act(world.staff("admin"), "repair_chosen", chosen)
    assert "1 of 2 wallets differ from their last entry" in text_of(shown)
    assert "available 100, held 0" in text_of(shown)
    assert balances(alice)[0] == 999
    done = act(world.staff("admin"), "repair_chosen", chosen, apply="yes", reason="a script ran wild")

    assert "Nothing to repair" in text_of(done)
    assert balances(alice) == (100, 0, 0, 0)
    assert Operation.objects.get(kind="repair").reason == "a script ran wild"
    assert services.verify() == []


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR, Role.GAMES])
@pytest.mark.parametrize("action", ["freeze_chosen", "repair_chosen"])
def test_other_roles_can_neither_freeze_nor_repair(role: str, action: str) -> None:
    alice = wallet(world.person("alice", tokens=100))

    act(world.staff(role), action, [alice], apply="yes", reason="x")

    assert not Freeze.objects.exists()
    assert not Operation.objects.filter(kind="repair").exists()
