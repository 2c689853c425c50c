"""Approvals and payouts: a dry run, one result per row, two persons; the export; who sees what."""

import csv
import io
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import STAFF_ROLES, Role, User
from core.spreadsheets import escaped
from escrow import services
from escrow.models import Approval, Operation, Payout
from escrow.services import Close, Currency, approvals
from escrow.tests.admin.test_ledger import page
from escrow.tests.factories import balances, finished
from tests import world
from tests.backoffice import signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def earner(name: str, earned: int) -> User:
    fan, performer = world.person(tokens=earned), world.performer(name)
    hold_id = finished(fan, performer, earned, earned)
    services.close_many([Close(str(hold_id), hold_id, earned, 0)])
    return performer


def open_approval(owner: User, actor: User, amount: int = 9_000) -> Approval:
    decision = approvals.grant(owner_id=owner.pk, currency=Currency.TOKEN, amount=amount, reason="sorry", actor=actor)
    assert decision.approval is not None
    return decision.approval


def payout(performer: User, amount: int) -> Payout:
    requested = services.request_payout(performer_id=performer.pk, amount=amount, actor=performer)
    return Payout.objects.get(pk=requested.id)


def act(who: User, verb: str, rows: list[Any], **form: str) -> Any:
    chosen = {"action": f"{verb}_chosen", "_selected_action": [str(row.pk) for row in rows]}
    return signed_in(who).post(page(type(rows[0]), "changelist"), chosen | form)


def test_approving_first_shows_what_would_happen_and_moves_nothing() -> None:
    alice, finance, second = world.person("alice"), world.staff("finance"), world.staff("admin")
    rows = [
        open_approval(alice, finance, 6_000),
        open_approval(alice, finance, 7_000),
        open_approval(alice, second, 8_000),
    ]

    shown = act(second, "approve", rows)

    assert "2 of 3 can be decided so. In all: 13,000 TOKEN" in text_of(shown)
    assert text_of(shown).count("SAME_APPROVER") == 1
    assert (balances(alice)[0], Operation.objects.count()) == (0, 0)
    assert set(Approval.objects.values_list("status", flat=True)) == {"open"}


def test_approving_gives_one_result_and_one_audit_row_per_approval() -> None:
    alice, finance, second = world.person("alice"), world.staff("finance"), world.staff("admin")
    rows = [
        open_approval(alice, finance, 6_000),
        open_approval(alice, finance, 7_000),
        open_approval(alice, second, 8_000),
    ]

    done = act(second, "approve", rows, apply="yes", reason="checked")

    assert "2 of 3 decided. In all: 13,000 TOKEN" in text_of(done)
    assert text_of(done).count("SAME_APPROVER") == 1
    assert balances(alice)[0] == 13_000
    assert list(Approval.objects.order_by("id").values_list("status", "decision_reason")) == [
        ("approved", "checked"),
        ("approved", "checked"),
        ("open", ""),
    ]
    assert {log.object_id for log in LogEntry.objects.all()} == {str(row.pk) for row in rows[:2]}


def test_rejecting_moves_nothing_and_needs_a_reason() -> None:
    alice, finance = world.person("alice"), world.staff("finance")
    rows = [open_approval(alice, finance), open_approval(alice, finance)]

    assert "This field is required" in text_of(act(finance, "reject", rows, apply="yes", reason=" "))
    assert Approval.objects.filter(status="open").count() == 2
    act(finance, "reject", rows, apply="yes", reason="mistyped")

    assert (Approval.objects.filter(status="rejected").count(), balances(alice)[0]) == (2, 0)


def test_payouts_are_approved_a_large_one_by_two() -> None:
    finance, second = world.staff("finance"), world.staff("admin")
    small, large = payout(earner("ruby", 9_000), 1_000), payout(earner("jade", 9_000), 6_000)

    first = act(finance, "approve", [small, large], apply="yes", reason="fine")
    assert "a second person must approve" in text_of(first)
    assert [Payout.objects.get(pk=each.pk).status for each in (small, large)] == ["approved", "requested"]
    again = act(second, "approve", [small, large], apply="yes", reason="fine")

    assert "1 of 2 decided" in text_of(again)
    assert "APPROVAL_CLOSED" in text_of(again)
    assert Payout.objects.get(pk=large.pk).status == "approved"


def test_rejected_payouts_are_earned_again() -> None:
    finance, ruby, jade = world.staff("finance"), earner("ruby", 9_000), earner("jade", 9_000)
    rows = [payout(ruby, 2_000), payout(jade, 3_000)]

    act(finance, "reject", rows, apply="yes", reason="unknown account")

    assert (balances(ruby)[2], balances(jade)[2]) == (9_000, 9_000)


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.FINANCE, Role.ADMIN}))
def test_other_roles_neither_decide_nor_export(role: str) -> None:
    finance, ruby = world.staff("finance"), earner("ruby", 9_000)
    approval, requested = open_approval(ruby, finance), payout(ruby, 1_000)
    who = ruby if role == Role.PERFORMER else world.person(role=role)

    for row in (approval, requested):
        act(who, "approve", [row], apply="yes", reason="mine")
        row.refresh_from_db()
        assert row.status in ("open", "requested")
    assert signed_in(who).get(reverse("admin:escrow_payout_export")).status_code in (302, 403)
    reads = signed_in(who).get(page(Approval, "changelist")).status_code
    assert (reads == 200) == (role in STAFF_ROLES)


def test_a_performer_reads_her_own_payouts_only() -> None:
    ruby, jade = earner("ruby", 9_000), earner("jade", 9_000)
    mine, hers = payout(ruby, 1_000), payout(jade, 2_000)
    client = signed_in(ruby)

    listed = client.get(page(Payout, "changelist"))

    assert [row.pk for row in listed.context["cl"].result_list] == [mine.pk]
    assert client.get(page(Payout, "change", mine.pk)).status_code == 200
    assert client.get(page(Payout, "change", hers.pk)).status_code == 404
    assert "approve_chosen" not in listed.content.decode()


def test_the_export_follows_the_filter_and_escapes_formulas() -> None:
    finance, ruby, jade = world.staff("finance"), earner("ruby", 9_000), earner("==cmd", 9_000)
    kept, other = payout(jade, 2_000), payout(ruby, 1_000)
    act(finance, "reject", [kept], apply="yes", reason="+1+1")

    answer = signed_in(finance).get(reverse("admin:escrow_payout_export") + "?status__exact=rejected")

    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["id"], row["amount"], row["status"]) == (str(kept.pk), "2000", "rejected")
    assert (row["performer"], row["reason"]) == ("'==cmd", "'+1+1")
    assert str(other.pk) not in answer.content.decode()


@pytest.mark.parametrize("skipped", ["", " ", "\u200b", "\ufeff", "\u00a0\u2060", "\x01", "\u3164"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe62"])
def test_a_cell_whose_first_visible_character_is_a_sign_is_escaped(skipped: str, sign: str) -> None:
    assert escaped(f"{skipped}{sign}1+1") == f"'{skipped}{sign}1+1"


@pytest.mark.parametrize("cell", ["a=1", "1-1", "", "\u200b", "A song", "'=1", "\u2764\ufe0f", "(=1)"])
def test_other_cells_are_left_as_they_are(cell: str) -> None:
    assert escaped(cell) == cell


def test_open_approvals_come_first() -> None:
    alice, finance = world.person("alice"), world.staff("finance")
    rows = [open_approval(alice, finance) for _ in range(3)]
    approvals.decide(approval_id=rows[2].pk, approve=False, reason="no", actor=finance)

    listed = signed_in(finance).get(page(Approval, "changelist")).context["cl"].result_list

    assert [row.pk for row in listed] == [rows[1].pk, rows[0].pk, rows[2].pk]


def test_lists_run_the_same_statements_however_long() -> None:
    client, finance = signed_in(world.staff("auditor")), world.staff("finance")

    def more() -> None:
        ruby = earner("", 9_000)
        payout(ruby, 1_000)
        open_approval(ruby, finance)

    def statements() -> list[int]:
        counts = []
        for model in (Approval, Payout):
            with CaptureQueriesContext(connection) as run:
                assert client.get(page(model, "changelist")).status_code == 200
            counts.append(len(run))
        return counts

    more()
    statements()
    few = statements()
    for _ in range(4):
        more()

    assert statements() == few
