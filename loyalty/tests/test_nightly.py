"""The nightly comparison: missing, extra and differing rows, each with its spin; interrupted runs go on."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from accounts.models import User
from core.batches import run_statement
from core.clock import db_now
from core.db import command
from core.ids import new_id
from escrow.services import House
from escrow.services.batches import settle_instants
from escrow.tests.ledger.test_batches import decided, execute
from loyalty.client import run
from loyalty.errors import LoyaltyUnavailable
from loyalty.models import Difference, Link, OperationState, ReconciliationRun, RemoteOperation
from loyalty.services import nightly, outbox
from loyalty.services.operations import (
    ClosedDeduct,
    SpinCredit,
    SpinDeduct,
    closing_deducts,
    opening_deducts,
    queue_credits,
    queue_refunds,
)
from loyalty.tests.remote import Remote
from loyalty.tests.test_outbox import reversal
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(remote: Remote, transactional_db: None) -> User:
    return member(remote)


def member(remote: Remote) -> User:
    user = person()
    Link.objects.create(user=user, member_id=f"member-{user.pk}")
    remote.balances[str(user.pk)] = 1_000
    remote.now = lambda: datetime.now(UTC).isoformat()
    return user


def spin(user: User, award: int = 0, *, settled: bool = True) -> UUID:
    """A spin as the saga makes it: deduct, ledger, credit. Without `settled` it is compensated."""
    deduct = SpinDeduct(spin_id=new_id(), user_id=user.pk, amount=100, request_id="r-1")
    run_statement(opening_deducts([deduct]))
    balance = run(lambda client: client.deduct(deduct.change)).new_balance
    state = OperationState.CONFIRMED if settled else OperationState.COMPENSATED
    with transaction.atomic():
        run_statement(closing_deducts([ClosedDeduct(spin_id=deduct.spin_id, state=state, new_balance=balance)]))
        if not settled:
            run_statement(queue_refunds([deduct]))
        else:
            instant = decided(user, 100, award)
            instant = replace(instant, hold=replace(instant.hold, key=f"spin-{deduct.spin_id}"))
            settle_instants(execute, [instant], at=db_now(), clearing=House.LOYALTY_CLEARING)
        if award:
            credit = SpinCredit(spin_id=deduct.spin_id, user_id=user.pk, amount=award, symbols=["cherry"] * 3,
                                multiplier="1.5", request_id="r-1")  # fmt: skip
            run_statement(queue_credits([credit]))
    outbox.deliver_due()
    return deduct.spin_id


def compared() -> ReconciliationRun:
    found = nightly.compare_day(datetime.now(UTC).date())
    assert found is not None
    return found


def differences() -> list[tuple[Any, ...]]:
    return list(Difference.objects.order_by("key").values_list("kind", "key", "source", "here", "there"))


def test_when_both_ledgers_agree_nothing_is_listed(remote: Remote, alice: User) -> None:
    spin(alice)
    spin(alice, award=150)
    spin(alice, settled=False)
    remote.page = 2

    ended = compared()

    assert differences() == []
    assert (ended.users, ended.entries, ended.clearing_here, ended.clearing_there) == (1, 5, -50, -50)
    assert ended.ended_at is not None
    assert nightly.compare_day(ended.day) == ended


def test_a_row_that_is_only_here_is_missing(remote: Remote, alice: User) -> None:
    spin_id = spin(alice, award=150)
    remote.entries = [each for each in remote.entries if each["type"] != "credit"]

    compared()

    assert differences() == [("missing", f"spin-{spin_id}-credit", str(spin_id), 150, None)]


def test_a_row_that_is_only_there_is_extra(remote: Remote, alice: User) -> None:
    key = f"spin-{new_id()}-credit"
    remote.adds(alice.pk, key, "credit", 500)
    remote.adds(alice.pk, "redemption-7", "redemption", -50)

    compared()

    assert differences() == [("extra", key, "", None, 500)]


def test_another_amount_differs(remote: Remote, alice: User) -> None:
    spin_id = spin(alice)
    remote.entries[0]["pointsDelta"] = -99

    compared()

    assert differences() == [("differs", f"spin-{spin_id}-deduct", str(spin_id), -100, -99)]


def test_what_another_request_took_by_a_spins_key_differs(remote: Remote, alice: User) -> None:
    spin_id = spin(alice, settled=False)
    remote.entries[0]["pointsDelta"] = -40

    compared()

    assert differences() == [("differs", f"spin-{spin_id}-deduct", str(spin_id), -100, -40)]


def test_a_deduct_that_the_clearing_account_does_not_know_is_extra(remote: Remote, alice: User) -> None:
    deduct = SpinDeduct(spin_id=new_id(), user_id=alice.pk, amount=100, request_id="r-1")
    run_statement(opening_deducts([deduct]))
    run(lambda client: client.deduct(deduct.change))
    closed = ClosedDeduct(spin_id=deduct.spin_id, state=OperationState.CONFIRMED, new_balance=900)
    command(lambda: run_statement(closing_deducts([closed])))

    compared()

    assert differences() == [("extra", deduct.change.transaction_id, str(deduct.spin_id), None, -100)]


def test_what_is_still_on_its_way_is_left_out_and_what_is_dead_is_listed(remote: Remote, alice: User) -> None:
    remote.befalls("credit", *["status:500"] * 3, "code:INVALID_USER")
    spin(alice, award=150)
    dead = spin(alice, award=200)

    compared()

    assert set(RemoteOperation.objects.filter(kind="credit").values_list("state", flat=True)) == {"unknown", "dead"}
    assert differences() == [("missing", f"spin-{dead}-credit", str(dead), 200, None)]


def test_an_interrupted_run_goes_on_where_it_was(remote: Remote, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "USERS_A_PAGE", 1)
    for user in (alice, member(remote), member(remote)):
        spin(user)
    remote.befalls("ledger", "", *["status:500"] * 3)
    with pytest.raises(LoyaltyUnavailable):
        compared()
    assert ReconciliationRun.objects.get().users == 1
    before = remote.count("ledger")

    ended = compared()

    assert (ended.users, ended.entries, differences()) == (3, 3, [])
    assert remote.count("ledger") - before == 2


def test_a_reversal_that_found_too_few_points_is_listed(remote: Remote, alice: User) -> None:
    remote.balances[str(alice.pk)] = 9
    row = reversal(alice)
    outbox.deliver_due()

    compared()

    assert differences() == [("missing", row.key, row.source, -10, None)]


def test_nothing_is_corrected(remote: Remote, alice: User) -> None:
    spin(alice, award=150)
    remote.entries.clear()
    before = list(RemoteOperation.objects.order_by("id").values()), len(remote.applied)

    compared()

    assert len(differences()) == 2
    assert (list(RemoteOperation.objects.order_by("id").values()), len(remote.applied)) == before


def test_who_is_unknown_there_has_no_ledger(remote: Remote, alice: User) -> None:
    remote.befalls("ledger", "code:INVALID_USER")

    assert compared().users == 1
    assert differences() == []
