"""What the tables refuse, whoever writes."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from core.batches import run_statement
from core.clock import db_now
from core.ids import new_id
from loyalty.models import OperationKind, OperationState, RemoteOperation, WebhookEvent
from loyalty.services.operations import SpinDeduct, opening_deducts, queue_refunds
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)

ENDED = "state = '{}', closed_at = core_now()"
LINK = "INSERT INTO loyalty_link (id, user_id, member_id) VALUES (%(id)s, %(user)s, %(member)s)"


def run(sql: str, params: Mapping[str, Any] | None = None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


def refused(sql: str, params: Mapping[str, Any] | None = None) -> str:
    with pytest.raises(IntegrityError) as caught:
        run(sql, params)
    return str(caught.value)


def operation(kind: OperationKind, user: User | None = None) -> RemoteOperation:
    """An open deduct or refund of 100 points."""
    deduct = SpinDeduct(spin_id=new_id(), user_id=(user or person()).pk, amount=100, request_id="r-1")
    run_statement(opening_deducts([deduct]) if kind == OperationKind.DEDUCT else queue_refunds([deduct]))
    return RemoteOperation.objects.get(source=str(deduct.spin_id))


def update(row: RemoteOperation, change: str) -> str:
    return f"UPDATE loyalty_remoteoperation SET {change} WHERE id = '{row.pk}'"  # noqa: S608


@pytest.mark.parametrize(
    "change",
    [
        "amount = 99",
        "key = 'another'",
        "body = '{}'",
        "source = 'another'",
        "kind = 'earn'",
        "created_at = created_at - interval '1 s'",
        "request_id = 'another'",
        "id = gen_random_uuid()",
    ],
)
def test_what_an_operation_sends_never_changes(change: str) -> None:
    row = operation(OperationKind.DEDUCT)

    assert "never changes" in refused(update(row, change))


def test_an_operation_is_never_another_persons() -> None:
    row, other = operation(OperationKind.DEDUCT), person()

    assert "never changes" in refused(update(row, f"user_id = '{other.pk}'"))


EDGES = {
    OperationKind.DEDUCT: {
        ("open", "unknown"), ("open", "confirmed"), ("open", "refused"), ("open", "compensated"), ("open", "open"),
        ("unknown", "confirmed"), ("unknown", "refused"), ("unknown", "compensated"), ("unknown", "unknown"),
        ("confirmed", "compensated"),
    },
    OperationKind.REFUND: {
        ("open", "unknown"), ("open", "confirmed"), ("open", "dead"), ("unknown", "confirmed"), ("unknown", "dead"),
        ("dead", "open"), ("open", "open"), ("unknown", "unknown"),
    },
}  # fmt: skip


def moved(state: str, *, revived: bool = False) -> str:
    change = f"state = '{state}'" if state in ("open", "unknown") else ENDED.format(state)
    return f"{change}, closed_at = NULL, attempts = 0, retried_at = core_now()" if revived else change


@pytest.mark.parametrize("kind", EDGES)
def test_a_state_changes_along_its_edges_only(kind: OperationKind) -> None:
    user = person()
    for before in OperationState.values:
        if (OperationState.OPEN, before) not in EDGES[kind]:
            continue  # there is no way to that state
        for after in OperationState.values:
            row = operation(kind, user)
            run(update(row, moved(before)))
            change = moved(after, revived=before == "dead" and after in ("open", "unknown"))
            if (before, after) in EDGES[kind]:
                run(update(row, change))
            else:
                assert "cannot go" in refused(update(row, change)), (before, after)


def test_a_dead_operation_lives_again_only_with_a_time_and_from_the_start() -> None:
    row = operation(OperationKind.REFUND)
    run(update(row, f"{moved('dead')}, attempts = 7"))

    assert "cannot go" in refused(update(row, "state = 'open', closed_at = NULL, attempts = 0"))
    assert "cannot go" in refused(update(row, "state = 'open', closed_at = NULL, retried_at = core_now()"))
    run(update(row, moved("open", revived=True)))


def test_an_operation_begins_open() -> None:
    row = operation(OperationKind.REFUND)
    copy = """
    INSERT INTO loyalty_remoteoperation (id, user_id, kind, amount, key, source, body, state, closed_at)
    SELECT gen_random_uuid(), user_id, kind, amount, 'another', source, body, 'confirmed', core_now()
      FROM loyalty_remoteoperation
    """

    assert "begins open" in refused(copy)
    assert RemoteOperation.objects.get().pk == row.pk


def test_a_balance_belongs_to_what_was_carried_out_and_never_changes() -> None:
    row = operation(OperationKind.REFUND)

    assert "does not fit" in refused(update(row, "new_balance = 5"))
    run(update(row, f"{moved('confirmed')}, new_balance = 5"))
    assert "cannot go" in refused(update(row, "new_balance = 6"))


@pytest.mark.parametrize(
    "table",
    ["remoteoperation", "link", "linkintent", "webhookevent", "reconciliationrun", "difference"],
)
def test_records_are_never_removed(table: str) -> None:
    assert "refused" in refused(f"DELETE FROM loyalty_{table}")  # noqa: S608
    assert "refused" in refused(f"TRUNCATE loyalty_{table} CASCADE")


def test_one_member_is_linked_to_one_user_both_ways() -> None:
    alice, bob = person(), person()
    run(LINK, {"id": new_id(), "user": alice.pk, "member": "m-1"})

    assert "loyalty_link_one_of_member" in refused(LINK, {"id": new_id(), "user": bob.pk, "member": "m-1"})
    assert "loyalty_link_one_of_user" in refused(LINK, {"id": new_id(), "user": alice.pk, "member": "m-2"})
    assert "with_a_reason" in refused("UPDATE loyalty_link SET unlinked_at = core_now()")
    assert "only unlinked" in refused("UPDATE loyalty_link SET member_id = 'm-3'")
    run("UPDATE loyalty_link SET unlinked_at = core_now(), reason = 'asked for'")
    assert "only unlinked" in refused("UPDATE loyalty_link SET unlinked_at = NULL, reason = ''")
    run(LINK, {"id": new_id(), "user": bob.pk, "member": "m-1"})


def test_an_intent_is_confirmed_once_and_an_event_handled_once() -> None:
    alice = person()
    run(
        "INSERT INTO loyalty_linkintent (id, user_id, intent_id, link_code, expires_at)"
        " VALUES (%(id)s, %(user)s, 'i-1', 'code', core_now())",
        {"id": new_id(), "user": alice.pk},
    )
    assert "only confirmed" in refused("UPDATE loyalty_linkintent SET link_code = 'other', confirmed_at = core_now()")
    run("UPDATE loyalty_linkintent SET confirmed_at = core_now()")
    assert "only confirmed" in refused("UPDATE loyalty_linkintent SET confirmed_at = core_now()")

    WebhookEvent.objects.create(event_id="e-1", type="LINK_UPDATED", body={"a": 1}, due_at=db_now())
    assert "only marked" in refused("UPDATE loyalty_webhookevent SET body = '[]', handled = true, due_at = NULL")
    run("UPDATE loyalty_webhookevent SET handled = true, due_at = NULL")
    assert "only marked" in refused("UPDATE loyalty_webhookevent SET handled = false")


def test_a_run_that_has_ended_never_changes() -> None:
    run(
        "INSERT INTO loyalty_reconciliationrun (id, day, users, entries, clearing_here, clearing_there)"
        " VALUES (gen_random_uuid(), '2026-11-28', 0, 0, 0, 0)"
    )
    run("UPDATE loyalty_reconciliationrun SET users = 4")
    assert "never changes" in refused("UPDATE loyalty_reconciliationrun SET day = '2026-11-27'")
    run("UPDATE loyalty_reconciliationrun SET ended_at = core_now()")

    assert "never changes" in refused("UPDATE loyalty_reconciliationrun SET users = 5")
