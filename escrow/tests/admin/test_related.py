"""Links from a row's page to the lists of rows that refer to it."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.urls import reverse

import perfqueue.services
from escrow.models import Entry, Finding, Freeze, Hold, Operation, Order
from escrow.services import adjustments
from escrow.tests.admin.test_ledger import page
from escrow.tests.factories import tampering, wallet
from tests import world
from tests.backoffice import signed_in
from xxxchat import verification

pytestmark = pytest.mark.django_db(transaction=True)


def links(shown: Any) -> dict[str, str]:
    """The links above a row's page, by label."""
    nav = re.search(r'<nav aria-label="Rows that name this one".*?</nav>', shown.content.decode(), re.DOTALL)
    found = re.findall(r'href="([^"]+)">([^<]+)</a>', nav[0]) if nav else []
    return {name: address.replace("&amp;", "&") for address, name in found}


def rows_of(client: Any, address: str) -> list[str]:
    """The ids of the rows in the list of a link."""
    shown = client.get(address)
    assert shown.status_code == 200
    return [str(row.pk) for row in shown.context["cl"].result_list]


def test_a_hold_links_to_its_operations_entries_and_item_and_back() -> None:
    alice, ruby = world.person(tokens=100), world.performer()
    item = world.buy(alice, ruby, 100)
    perfqueue.services.start(item_id=item.pk, actor=ruby)
    perfqueue.services.finish(item_id=item.pk, actor=ruby)
    client = signed_in(world.staff("support"))

    related = links(client.get(page(Hold, "change", item.hold_id)))
    operations = rows_of(client, related["Operations"])
    settled = str(Operation.objects.get(kind="settle").pk)
    assert operations == [
        str(pk) for pk in Operation.objects.filter(hold=item.hold_id).order_by("-id").values_list("pk", flat=True)
    ]
    assert len(rows_of(client, related["Entries"])) == 3
    assert rows_of(client, related["Queue item"]) == [str(item.pk)]
    of_operation = links(client.get(page(Operation, "change", settled)))
    assert len(rows_of(client, of_operation["Entries"])) == 2
    item_page = client.get(reverse("admin:perfqueue_queueitem_change", args=[item.pk]))
    of_item = links(item_page)
    assert len(rows_of(client, of_item["Transitions"])) == 3
    assert rows_of(client, of_item["Operations of its hold"]) == operations
    hold_page = page(Hold, "change", item.hold_id)
    assert hold_page in item_page.content.decode()
    assert hold_page in client.get(page(Operation, "change", settled)).content.decode()
    entry = Entry.objects.order_by("-id")[0]
    assert page(Operation, "change", settled) in client.get(page(Entry, "change", entry.pk)).content.decode()


def test_a_finding_links_to_its_subject_and_an_operation_to_its_order() -> None:
    alice = world.person(tokens=100)
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_wallet SET available = 99 WHERE id = %s", [wallet(alice).pk])
    verification.run(full=True)
    client = signed_in(world.staff("auditor"))

    related = links(client.get(page(Finding, "change", Finding.objects.get().pk)))

    assert rows_of(client, related["Wallet"]) == [str(wallet(alice).pk)]
    assert rows_of(client, related["Wallets frozen for it"]) == [str(Freeze.objects.get().pk)]
    deposit = Operation.objects.get(kind="deposit")
    assert urlsplit(links(client.get(page(Operation, "change", deposit.pk)))["Order"]).path == page(Order, "changelist")
    adjustments.repair(wallet_id=wallet(alice).pk, actor_id=alice.pk, reason="test")


def test_a_performer_gets_no_link_to_a_list_she_may_not_view() -> None:
    alice, ruby = world.person(tokens=100), world.performer()
    item = world.buy(alice, ruby, 100)

    related = links(signed_in(ruby).get(reverse("admin:perfqueue_queueitem_change", args=[item.pk])))

    assert set(related) <= {"Transitions"}
    assert not any(parse_qs(urlsplit(address).query)["q"] == [str(item.hold_id)] for address in related.values())
