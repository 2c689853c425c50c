"""Reconciliation: what nobody closed is asked for again with its key, and closed with its intent."""

import threading
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from core.batches import run_statement
from core.db import command
from loyalty.client import Deduct, breaker, run
from loyalty.errors import KEY_MISMATCH
from loyalty.models import RemoteOperation
from loyalty.services import asking, outbox, recovery
from loyalty.services.operations import (
    SpinDeduct,
    leaving_unknown,
    postponing_deducts,
)
from loyalty.tests.features import Feature
from loyalty.tests.remote import Remote
from tests.clock import Clock
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(remote: Remote, transactional_db: None) -> User:
    user = person()
    remote.balances[str(user.pk)] = 500
    return user


def points(remote: Remote, user: User) -> int:
    return remote.balances[str(user.pk)]


def row_of(deduct: SpinDeduct) -> RemoteOperation:
    return RemoteOperation.objects.get(key=deduct.change.transaction_id)


def ask(deduct: SpinDeduct) -> int:
    return run(lambda client: client.deduct(deduct.change)).new_balance


def test_a_deduct_that_happened_in_vain_goes_back(remote: Remote, feature: Feature, alice: User, clock: Clock) -> None:
    deduct = feature.open(alice)
    ask(deduct)  # and then the process died
    assert recovery.reconcile() == 0, "it still has its time"

    clock.shift(seconds=10)
    assert recovery.reconcile() == 1

    assert (row_of(deduct).state, feature.intents[deduct.spin_id]) == ("compensated", "compensated")
    assert points(remote, alice) == 400
    assert outbox.deliver_due() == 1
    assert points(remote, alice) == 500
    assert recovery.reconcile() == outbox.deliver_due() == 0


def test_a_deduct_that_was_never_sent_is_taken_and_given_back(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice)
    clock.shift(seconds=10)

    recovery.reconcile()
    outbox.deliver_due()

    assert row_of(deduct).state == "compensated"
    assert points(remote, alice) == 500


def test_a_deduct_that_is_refused_refuses_the_intent(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice, amount=501)
    clock.shift(seconds=10)

    assert recovery.reconcile() == 1

    assert (row_of(deduct).state, row_of(deduct).error) == ("refused", "INSUFFICIENT_BALANCE")
    assert feature.intents[deduct.spin_id] == "refused"
    assert points(remote, alice) == 500


def test_an_unknown_outcome_stays_unknown_until_there_is_an_answer(
    remote: Remote, feature: Feature, alice: User
) -> None:
    deduct = feature.open(alice)
    remote.befalls("deduct", *["drop_after"] * 3)
    run_statement(leaving_unknown([(deduct.spin_id, "no_answer")]))

    assert recovery.reconcile() == 0
    assert (row_of(deduct).state, row_of(deduct).error) == ("unknown", "no_answer")
    assert recovery.reconcile() == 1
    assert row_of(deduct).state == "compensated"
    assert set(remote.keys("deduct")) == {deduct.change.transaction_id}


def test_while_nobody_is_reached_an_open_deduct_waits(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice)
    clock.shift(seconds=10)
    remote.befalls("deduct", *["system_error"] * 3)

    assert recovery.reconcile() == 0
    assert (row_of(deduct).state, row_of(deduct).error) == ("open", "LOYALTY_UNAVAILABLE")
    breaker.reset()
    assert recovery.reconcile() == 1


def test_a_refusal_that_says_nothing_about_the_first_request_closes_nothing(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice)
    clock.shift(seconds=10)
    remote.befalls("deduct", "status:404")

    assert recovery.reconcile() == 0

    assert (row_of(deduct).state, row_of(deduct).error) == ("unknown", "HTTP_404")
    assert feature.intents[deduct.spin_id] == "open"


# --- a key that another request holds -----------------------------------------------------------------------------


def mismatched(feature: Feature, user: User, clock: Clock) -> SpinDeduct:
    """A deduct, due, whose first answer is that its key was used with another body."""
    deduct = feature.open(user)
    run_statement(leaving_unknown([(deduct.spin_id, KEY_MISMATCH)]))
    clock.shift(seconds=10)
    return deduct


def held(remote: Remote, deduct: SpinDeduct, taken: int) -> None:
    """Another request with the deduct's key has taken some points."""
    key, user = deduct.change.transaction_id, str(deduct.user_id)
    remote.balances[user] -= taken
    remote.applied[key] = {"body": "another", "result": (200, {})}
    remote.adds(user, key, "deduct", -taken)


def test_a_key_that_another_request_holds_is_looked_up_in_the_next_round_and_never_sent_again(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice)
    held(remote, deduct, 100)
    clock.shift(seconds=10)

    assert recovery.reconcile() == 0
    assert (row_of(deduct).state, row_of(deduct).error) == ("unknown", KEY_MISMATCH)
    assert (feature.intents[deduct.spin_id], remote.count("ledger")) == ("open", 0)

    assert recovery.reconcile() == 1
    assert (remote.count("deduct"), remote.count("ledger")) == (1, 1)


@pytest.mark.parametrize("taken", [100, 40, 160])
def test_what_another_request_took_by_the_key_goes_back_as_it_was(
    remote: Remote, feature: Feature, alice: User, clock: Clock, taken: int
) -> None:
    deduct = mismatched(feature, alice, clock)
    held(remote, deduct, taken)
    remote.page = 1
    remote.entries.insert(0, {**remote.entries[0], "transactionId": "another"})

    assert recovery.reconcile() == 1
    outbox.deliver_due()

    assert (row_of(deduct).state, row_of(deduct).error) == ("compensated", KEY_MISMATCH)
    assert feature.intents[deduct.spin_id] == "compensated"
    assert RemoteOperation.objects.get(kind="refund").amount == taken
    assert (points(remote, alice), remote.count("deduct")) == (500, 0)


@pytest.mark.parametrize("given", [None, 0, 30])
def test_a_key_that_took_nothing_refuses_the_intent(
    remote: Remote, feature: Feature, alice: User, clock: Clock, given: int | None
) -> None:
    deduct = mismatched(feature, alice, clock)
    if given is not None:
        held(remote, deduct, -given)
    before = points(remote, alice)

    assert recovery.reconcile() == 1
    outbox.deliver_due()

    assert (row_of(deduct).state, row_of(deduct).error) == ("refused", KEY_MISMATCH)
    assert feature.intents[deduct.spin_id] == "refused"
    assert points(remote, alice) == before, "what was given without our asking is the nightly comparison's"


@pytest.mark.parametrize("fault", ["status:503", "code:INVALID_USER", "garbage"])
def test_until_the_ledger_is_read_the_outcome_stays_unknown(
    remote: Remote, feature: Feature, alice: User, clock: Clock, fault: str
) -> None:
    deduct = mismatched(feature, alice, clock)
    held(remote, deduct, 40)
    remote.befalls("ledger", *[fault] * 3)

    assert recovery.reconcile() == 0
    assert (row_of(deduct).state, row_of(deduct).error) == ("unknown", KEY_MISMATCH)
    assert feature.intents[deduct.spin_id] == "open"

    breaker.reset()
    remote.plan.clear()
    assert recovery.reconcile() == 1
    assert (row_of(deduct).state, remote.count("deduct")) == ("compensated", 0)


def test_a_refusal_after_a_try_that_was_lost_is_unknown_and_asked_for_again(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice)
    clock.shift(seconds=10)
    remote.befalls("deduct", "drop_after", "status:404")

    assert recovery.reconcile() == 0
    assert (row_of(deduct).state, row_of(deduct).error) == ("unknown", "HTTP_404")
    assert recovery.reconcile() == 1
    assert row_of(deduct).state == "compensated"


def test_a_settled_spin_is_not_given_back(remote: Remote, feature: Feature, alice: User, clock: Clock) -> None:
    deduct = feature.open(alice)
    feature.settle(deduct, ask(deduct))
    clock.shift(seconds=10)

    assert recovery.reconcile() == 0
    assert outbox.deliver_due() == 0
    assert points(remote, alice) == 400


def test_what_settles_while_reconciliation_asks_is_settled(
    remote: Remote, feature: Feature, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deduct = feature.open(alice)
    balance = ask(deduct)
    clock.shift(seconds=10)

    def asked(due: Any) -> Any:
        feature.settle(deduct, balance)
        return asking.ask(due)

    monkeypatch.setattr(recovery, "ask", asked)
    recovery.reconcile()

    assert (row_of(deduct).state, feature.intents[deduct.spin_id]) == ("confirmed", "done")
    assert outbox.deliver_due() == 0
    assert points(remote, alice) == 400


def test_an_intent_that_is_closed_without_its_deduct_is_caught_up_with(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    deduct = feature.open(alice)
    feature.intents[deduct.spin_id] = "compensated"
    clock.shift(seconds=10)

    recovery.reconcile()

    assert row_of(deduct).state == "compensated"


def test_a_resumed_request_has_its_time_again(remote: Remote, feature: Feature, alice: User, clock: Clock) -> None:
    deduct = feature.open(alice)
    clock.shift(seconds=10)
    run_statement(postponing_deducts([deduct.spin_id]))

    assert recovery.reconcile() == 0
    assert remote.calls == []


def test_rounds_beside_each_other_close_each_deduct_once(
    remote: Remote, feature: Feature, alice: User, clock: Clock
) -> None:
    for _ in range(4):
        ask(feature.open(alice))
    clock.shift(seconds=10)
    begin, done = threading.Barrier(2), []

    def reconcile() -> None:
        begin.wait()
        done.append(recovery.reconcile())
        connection.close()

    threads = [threading.Thread(target=reconcile) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.deliver_due()

    assert sum(done) == 4
    assert points(remote, alice) == 500


def test_without_a_feature_nothing_is_closed(remote: Remote, feature: Feature, alice: User, clock: Clock) -> None:
    feature.open(alice)
    recovery._resolvers.clear()
    clock.shift(seconds=10)

    with pytest.raises(RuntimeError, match="No feature"):
        recovery.reconcile()


def test_nothing_is_asked_inside_a_transaction(remote: Remote, feature: Feature, alice: User) -> None:
    deduct = feature.open(alice)

    with pytest.raises(RuntimeError, match="never asked inside a transaction"):
        command(lambda: ask(deduct))


def test_a_deduct_is_asked_for_with_the_body_that_was_stored(remote: Remote, feature: Feature, alice: User) -> None:
    deduct = feature.open(alice)
    change: Deduct = deduct.change

    assert row_of(deduct).body == change.body
