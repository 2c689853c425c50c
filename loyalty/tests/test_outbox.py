"""The outbox: at least once each, one effect each, pauses that grow, dead letters; rounds beside each other."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import override_settings

from accounts.models import Role, User
from core.batches import run_statement
from core.db import rows
from core.errors import RoleNotAllowed, ValidationFailed
from core.ids import new_id
from loyalty.client import Credit, CreditReason, Deduct, DeductReason, breaker
from loyalty.errors import NotDead
from loyalty.models import KnownBalance, OperationKind, OperationState, RemoteOperation
from loyalty.services import asking, outbox
from loyalty.services.dead_letters import send_again
from loyalty.services.operations import NewOperation, SpinCredit, queue_credits, queue_new
from loyalty.tests.remote import Remote
from tests.clock import Clock
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
WRITING = """
SELECT count(*) AS open FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND (backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
"""


def queued(user: User, amount: int = 150) -> RemoteOperation:
    """A spin's award, queued."""
    credit = SpinCredit(
        spin_id=new_id(), user_id=user.pk, amount=amount, symbols=["cherry"] * 3, multiplier="1.5", request_id="r-1"
    )
    run_statement(queue_credits([credit]))
    return RemoteOperation.objects.get(source=str(credit.spin_id))


def reversal(user: User) -> RemoteOperation:
    """An order's earning to be taken back."""
    order = new_id()
    change = Deduct(
        user_id=user.pk, amount=10, transaction_id=f"order-{order}-reversal", reason=DeductReason.EARN_REVERSAL
    )
    made = NewOperation(kind=OperationKind.EARN_REVERSAL, change=change, source=str(order), request_id="")
    run_statement(queue_new([made]))
    return RemoteOperation.objects.get(source=str(order))


def again(row: RemoteOperation) -> RemoteOperation:
    return RemoteOperation.objects.get(pk=row.pk)


def pause_s(row: RemoteOperation) -> float:
    (found,) = rows("SELECT extract(epoch FROM due_at - core_now())::float AS s FROM loyalty_remoteoperation")
    seconds: float = found["s"]
    return seconds


def test_an_award_is_delivered_and_the_balance_known(remote: Remote) -> None:
    alice = person()
    row = queued(alice)

    assert outbox.deliver_due() == 1

    row = again(row)
    assert (row.state, row.attempts, row.new_balance, row.error) == ("confirmed", 1, 150, "")
    assert row.closed_at is not None
    assert KnownBalance.objects.get(user=alice).balance == 150
    name, headers, body = remote.calls[-1]
    assert (name, headers["Idempotency-Key"], headers["X-Request-Trace"]) == ("credit", row.key, "r-1")
    assert body["metadata"] == {"spinId": row.source, "symbols": ["cherry"] * 3, "multiplier": "1.5"}
    assert outbox.deliver_due() == 0


def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_pays_once(remote: Remote, clock: Clock) -> None:
    alice = person()
    row = queued(alice)
    remote.befalls("credit", *["drop_after"] * 3)

    assert outbox.deliver_due() == 0
    assert again(row).state == OperationState.UNKNOWN
    clock.shift(seconds=2)
    assert outbox.deliver_due() == 1

    assert set(remote.keys("credit")) == {row.key}
    assert remote.balances[str(alice.pk)] == 150


def test_what_is_sent_again_is_byte_for_byte_what_was_sent_first(remote: Remote, clock: Clock) -> None:
    queued(person())
    remote.befalls("credit", *["drop_before"] * 3)
    outbox.deliver_due()
    clock.shift(seconds=2)
    outbox.deliver_due()

    lengths = {headers["Content-Length"] for name, headers, _ in remote.calls if name == "credit"}
    assert len(lengths) == 1
    assert len({str(body) for name, _, body in remote.calls if name == "credit"}) == 1


def test_pauses_double_from_a_second_to_an_hour_and_the_letter_is_dead_after_a_day(
    remote: Remote, clock: Clock
) -> None:
    row, pauses = queued(person()), []
    while again(row).state != OperationState.DEAD:
        remote.befalls("credit", "status:500", "status:500", "status:500")
        outbox.deliver_due()
        breaker.reset()
        pauses.append(pause_s(row))
        clock.shift(seconds=pauses[-1] + 1)

    expected = [min(3_600, 2**number) for number in range(len(pauses))]
    assert all(wanted - 2 < found <= wanted for wanted, found in zip(expected, pauses, strict=True))
    assert sum(pauses[:-1]) >= 23.9 * 3_600
    assert again(row).closed_at is not None


def test_retry_after_is_kept_by_the_outbox(remote: Remote) -> None:
    row = queued(person())
    remote.befalls("credit", "rate_limited:120")

    outbox.deliver_due()

    assert 110 < pause_s(row) <= 120
    assert again(row).state == OperationState.OPEN, "it was surely not carried out"


def test_an_open_breaker_costs_a_letter_no_try(remote: Remote) -> None:
    row = queued(person())
    remote.befalls("any", *["status:500"] * 9)
    for _ in range(5):
        breaker.report(failed=True, is_trial=False)
    assert breaker.state == "open"

    assert outbox.deliver_due() == 0
    assert (again(row).attempts, remote.calls) == (0, [])


@pytest.mark.parametrize("code", ["INVALID_USER", "IDEMPOTENCY_KEY_REUSE_MISMATCH", "SOMETHING_NEW"])
def test_what_cannot_be_delivered_is_dead_at_once(remote: Remote, code: str) -> None:
    row = queued(person())
    remote.befalls("credit", f"code:{code}")

    outbox.deliver_due()

    assert (again(row).state, again(row).error) == ("dead", code)
    assert remote.count("credit") == 1


def test_a_reversal_without_balance_is_refused_and_never_sent_again(remote: Remote, clock: Clock) -> None:
    row = reversal(person())

    outbox.deliver_due()
    clock.shift(hours=2)
    outbox.deliver_due()

    assert (again(row).state, again(row).error) == ("refused", "INSUFFICIENT_BALANCE")
    assert remote.count("deduct") == 1


def test_a_worker_that_dies_after_asking_loses_nothing(
    remote: Remote, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = person()
    row = queued(alice)

    def dies(*_: Any) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_recorded", dies)
        with pytest.raises(SystemExit):
            outbox.deliver_due()
    assert (again(row).state, remote.balances[str(alice.pk)]) == ("open", 150)
    assert outbox.deliver_due() == 0, "the claim holds"

    clock.shift(seconds=10)
    assert outbox.deliver_due() == 1
    assert remote.balances[str(alice.pk)] == 150


def test_no_transaction_is_open_while_it_asks(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(person())
    seen: list[Any] = []

    def ask(due: Any) -> Any:
        seen.append(connection.in_atomic_block)
        open_now = rows(WRITING)
        seen.append(open_now[0]["open"])
        return asking.ask(due)

    monkeypatch.setattr(outbox, "ask", ask)
    outbox.deliver_due()

    assert seen == [False, 0]


@override_settings(RRR_TRY_TIMEOUT_S=10.0, RRR_TOTAL_TIMEOUT_S=20.0)  # the server is slow beside three clients
def test_rounds_beside_each_other_send_each_letter_once(remote: Remote) -> None:
    for user in [person() for _ in range(4)]:
        for _ in range(20):
            queued(user)
    begin, done = threading.Barrier(3), []

    def deliver() -> None:
        begin.wait()
        done.append(outbox.deliver_due())
        connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(done) == 80
    assert remote.count("credit") == 80


def test_staff_send_a_dead_letter_again_with_a_reason(remote: Remote, clock: Clock) -> None:
    alice = person()
    row = queued(alice)
    remote.befalls("credit", "code:INVALID_USER")
    outbox.deliver_due()
    support = staff(Role.SUPPORT)

    refusals: list[tuple[type[Exception], Callable[[], object]]] = [
        (RoleNotAllowed, lambda: send_again(operation_id=row.pk, reason="x", actor=alice)),
        (RoleNotAllowed, lambda: send_again(operation_id=row.pk, reason="x", actor=staff(Role.AUDITOR))),
        (ValidationFailed, lambda: send_again(operation_id=row.pk, reason=" ", actor=support)),
    ]
    for error, call in refusals:
        with pytest.raises(error):
            call()
    sent = send_again(operation_id=row.pk, reason="The member is known now.", actor=support)

    assert (sent.state, sent.attempts, sent.closed_at) == ("open", 0, None)
    assert outbox.deliver_due() == 1
    with pytest.raises(NotDead):
        send_again(operation_id=row.pk, reason="Again.", actor=support)


def test_a_key_with_another_body_stays_dead(remote: Remote) -> None:
    row = queued(person())
    remote.befalls("credit", "code:IDEMPOTENCY_KEY_REUSE_MISMATCH")
    outbox.deliver_due()

    with pytest.raises(NotDead):
        send_again(operation_id=row.pk, reason="Try.", actor=staff(Role.SUPPORT))


def test_a_late_answer_does_not_replace_a_newer_balance(transactional_db: None) -> None:
    alice: UUID = person().pk
    (now,) = rows("SELECT core_now() AS now, core_now() - interval '1 s' AS before")

    asking.know([(alice, 200, now["now"])])
    asking.know([(alice, 100, now["before"])])

    assert KnownBalance.objects.get(user=alice).balance == 200


def test_a_credit_is_queued_once(transactional_db: None) -> None:
    alice = person()
    credit = Credit(user_id=alice.pk, amount=5, transaction_id="spin-9-refund", reason=CreditReason.REFUND, metadata={})
    made = NewOperation(kind=OperationKind.REFUND, change=credit, source="9", request_id="")
    run_statement(queue_new([made]))
    run_statement(queue_new([made]))

    assert RemoteOperation.objects.count() == 1
