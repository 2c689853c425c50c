"""The reconciliation page, freezing and repairing in the back office, and the way from a row to all that names it."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import perfqueue.services
from accounts.models import Role, User
from escrow import services
from escrow.models import Entry, Finding, Freeze, Hold, Operation, Order, Verification, Wallet
from escrow.services import Close, House, adjustments, auditing
from escrow.tests.moving import balances, finished, tampering, wallet
from escrow.tests.test_admin import page, signed_in
from escrow.tests.test_desk_admin import words
from tests import world
from xxxchat import verification

pytestmark = pytest.mark.django_db(transaction=True)
MAY_SEE = {Role.FINANCE, Role.ADMIN, Role.AUDITOR}


def reconciliation() -> str:
    return reverse("admin:escrow_verification_reconciliation")


@pytest.mark.parametrize("role", sorted(Role.values))
def test_who_may_see_the_page_and_who_may_ask_for_a_run(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, **options: sent.append(name))
    client = signed_in(world.person(role=role))

    seen = client.get(reconciliation())
    client.post(reconciliation())

    assert (seen.status_code == 200) == (role in MAY_SEE)
    assert sent == (["xxxchat.verify_all"] if role in (Role.FINANCE, Role.ADMIN) else [])
    if role in MAY_SEE:
        assert ("Check everything now" in words(seen)) == (role != Role.AUDITOR)


def test_empty_books_say_so() -> None:
    told = words(signed_in(world.staff("auditor")).get(reconciliation()))

    assert "Last full run: never" in told
    assert "Every sum that is checked is right" in told
    assert told.count("all of it comes to 0") == 2


def test_the_page_tells_what_is_wrong_and_who_stands_still() -> None:
    alice = world.person("alice", tokens=1_234)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = available + 5 WHERE id = %s", [wallet(alice).pk])
    verification.run(full=True)

    told = words(signed_in(world.staff("auditor")).get(reconciliation()))

    assert "TOKEN: all of it comes to 5, not to 0" in told
    assert "1,239" in told
    assert "1 finding" in told
    assert "alice, TOKEN" in told
    assert "the verifier" in told
    adjustments.repair(wallet_id=wallet(alice).pk, actor_id=alice.pk, reason="test")


def test_the_page_costs_the_same_however_much_there_is() -> None:
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


def test_a_broker_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError

    def refuse(name: str, **options: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr("celery.current_app.send_task", refuse)

    shown = signed_in(world.staff("finance")).post(reconciliation(), follow=True)

    assert "The broker is not reached" in words(shown)


def act(who: User, action: str, rows: list[Wallet], **form: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return signed_in(who).post(page(Wallet, "changelist"), chosen | form)


def test_wallets_are_frozen_by_hand_each_with_its_own_result() -> None:
    alice, bob = (wallet(world.person(name, tokens=10)) for name in ("alice", "bob"))
    finance = world.staff("finance")
    auditing.freeze(wallet_id=bob.pk, actor_id=finance.pk, reason="before")

    shown = act(finance, "freeze_chosen", [alice, bob])
    assert "1 of 2 wallets can be frozen" in words(shown)
    assert Freeze.objects.count() == 1
    done = act(finance, "freeze_chosen", [alice, bob], apply="yes", reason="a phone call")

    assert "stands still already" in words(done)
    assert Freeze.objects.filter(wallet=alice, reason="a phone call", frozen_by=finance.pk).exists()
    assert [log.object_id for log in LogEntry.objects.all()] == [str(alice.pk)]


def test_a_wallet_changed_from_outside_is_repaired_by_hand_and_a_sound_one_is_not() -> None:
    alice, bob = world.person("alice", tokens=100), world.person("bob", tokens=100)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 999 WHERE id = %s", [wallet(alice).pk])
    chosen = [wallet(alice), wallet(bob)]

    shown = act(world.staff("admin"), "repair_chosen", chosen)
    assert "1 of 2 wallets differ from their last entry" in words(shown)
    assert "available 100, held 0" in words(shown)
    assert balances(alice)[0] == 999
    done = act(world.staff("admin"), "repair_chosen", chosen, apply="yes", reason="a script ran wild")

    assert "Nothing to repair" in words(done)
    assert balances(alice) == (100, 0, 0, 0)
    assert Operation.objects.get(kind="repair").reason == "a script ran wild"
    assert services.verify() == []


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR, Role.GAMES])
@pytest.mark.parametrize("action", ["freeze_chosen", "repair_chosen"])
def test_others_can_do_neither(role: str, action: str) -> None:
    alice = wallet(world.person("alice", tokens=100))

    act(world.staff(role), action, [alice], apply="yes", reason="x")

    assert not Freeze.objects.exists()
    assert not Operation.objects.filter(kind="repair").exists()


# --- from one row to all that name it -------------------------------------------------------------------------


def links(shown: Any) -> dict[str, str]:
    """The links above a row's page, by their words."""
    nav = re.search(r'<nav aria-label="Rows that name this one".*?</nav>', shown.content.decode(), re.DOTALL)
    found = re.findall(r'href="([^"]+)">([^<]+)</a>', nav[0]) if nav else []
    return {name: address.replace("&amp;", "&") for address, name in found}


def rows_of(client: Any, address: str) -> list[str]:
    """The ids of the rows that a link leads to."""
    shown = client.get(address)
    assert shown.status_code == 200
    return [str(row.pk) for row in shown.context["cl"].result_list]


def test_a_hold_leads_to_its_operations_entries_item_and_transitions_and_back() -> None:
    alice, ruby = world.person(tokens=100), world.performer()
    item = world.buy(alice, ruby, 100)
    perfqueue.services.start(item_id=item.pk, actor=ruby)
    perfqueue.services.finish(item_id=item.pk, actor=ruby)
    client = signed_in(world.staff("support"))

    led = links(client.get(page(Hold, "change", item.hold_id)))
    operations = rows_of(client, led["Operations"])
    settled = str(Operation.objects.get(kind="settle").pk)
    assert operations == [
        str(pk) for pk in Operation.objects.filter(hold=item.hold_id).order_by("-id").values_list("pk", flat=True)
    ]
    assert len(rows_of(client, led["Entries"])) == 3
    assert rows_of(client, led["Queue item"]) == [str(item.pk)]
    of_operation = links(client.get(page(Operation, "change", settled)))
    assert len(rows_of(client, of_operation["Entries"])) == 2
    item_page = client.get(reverse("admin:perfqueue_queueitem_change", args=[item.pk]))
    of_item = links(item_page)
    assert len(rows_of(client, of_item["Transitions"])) == 3
    assert rows_of(client, of_item["Operations of its hold"]) == operations
    back = page(Hold, "change", item.hold_id)
    assert back in item_page.content.decode()
    assert back in client.get(page(Operation, "change", settled)).content.decode()
    entry = Entry.objects.order_by("-id")[0]
    assert page(Operation, "change", settled) in client.get(page(Entry, "change", entry.pk)).content.decode()


def test_a_finding_leads_to_what_it_is_about_and_an_operation_to_its_order() -> None:
    alice = world.person(tokens=100)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 99 WHERE id = %s", [wallet(alice).pk])
    verification.run(full=True)
    client = signed_in(world.staff("auditor"))

    led = links(client.get(page(Finding, "change", Finding.objects.get().pk)))

    assert rows_of(client, led["Wallet"]) == [str(wallet(alice).pk)]
    assert rows_of(client, led["Wallets frozen for it"]) == [str(Freeze.objects.get().pk)]
    deposit = Operation.objects.get(kind="deposit")
    assert urlsplit(links(client.get(page(Operation, "change", deposit.pk)))["Order"]).path == page(Order, "changelist")
    adjustments.repair(wallet_id=wallet(alice).pk, actor_id=alice.pk, reason="test")


def test_a_performer_is_led_nowhere_she_may_not_look() -> None:
    alice, ruby = world.person(tokens=100), world.performer()
    item = world.buy(alice, ruby, 100)

    led = links(signed_in(ruby).get(reverse("admin:perfqueue_queueitem_change", args=[item.pk])))

    assert set(led) <= {"Transitions"}
    assert not any(parse_qs(urlsplit(address).query)["q"] == [str(item.hold_id)] for address in led.values())


def test_runs_of_the_verifier_lead_to_the_page() -> None:
    verification.run(full=True)

    shown = signed_in(world.staff("auditor")).get(page(Verification, "changelist"))

    assert reconciliation() in shown.content.decode()


def test_the_house_is_paid_by_a_finished_hold() -> None:
    """The page's own figures, once: 10 of 100 to the house."""
    alice = world.person(tokens=100)
    hold_id = finished(alice, House.REVENUE, 10, 10)
    services.close_many([Close(str(hold_id), hold_id, 10, 0)])

    told = words(signed_in(world.staff("auditor")).get(reconciliation()))

    assert re.search(r"revenue 10 none yet", " ".join(told.split()))
