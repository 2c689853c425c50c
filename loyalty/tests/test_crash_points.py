"""Stopped after any step, with any answers lost: once rounds have run, both sides agree and nothing is left waiting."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from core.batches import run_statement
from core.db import command
from loyalty.client import breaker, run
from loyalty.errors import LoyaltyUnavailable, OutcomeUnknown
from loyalty.models import WAITING, OperationState, RemoteOperation
from loyalty.services import outbox, recovery
from loyalty.services.operations import ClosedDeduct, SpinDeduct, closing_deducts, leaving_unknown
from loyalty.tests.features import Feature
from loyalty.tests.remote import Remote
from tests.clock import Clock
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
START = 10_000
FAULTS = ("", "drop_before", "drop_after", "status:503", "system_error", "garbage")
STOPS = ("opened", "asked", "unknown", "settled")
spins = st.tuples(st.sampled_from(STOPS), st.sampled_from([0, 150]), st.lists(st.sampled_from(FAULTS), max_size=3))
stories = st.tuples(
    st.lists(spins, min_size=1, max_size=4),
    st.sets(st.sampled_from(["reconciliation", "outbox"])),
    st.lists(st.sampled_from(FAULTS), max_size=4),
)


class Died(BaseException):
    """A process ended here."""


def dies(*_: Any) -> Any:
    raise Died


def play(feature: Feature, user: User, stop: str, award: int) -> None:
    """A spin that ends after a step."""
    deduct = feature.open(user)
    if stop == "opened":
        return
    try:
        balance = run(lambda client: client.deduct(deduct.change)).new_balance
    except OutcomeUnknown as unknown:
        if stop == "unknown":
            run_statement(leaving_unknown([(deduct.spin_id, str(unknown))]))
        return
    except LoyaltyUnavailable:
        refuse(feature, deduct)
        return
    if stop == "settled":
        feature.settle(deduct, balance, award)


def refuse(feature: Feature, deduct: SpinDeduct) -> None:
    closed = ClosedDeduct(spin_id=deduct.spin_id, state=OperationState.REFUSED, error="LOYALTY_UNAVAILABLE")
    command(lambda: run_statement(closing_deducts([closed])))
    feature.intents[deduct.spin_id] = "refused"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories)
def test_both_sides_agree_after_a_stop_anywhere(
    story: Any, remote: Remote, feature: Feature, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    played, dying, later = story
    user = person()
    remote.balances[str(user.pk)] = START
    remote.plan.clear()
    for stop, award, faults in played:
        remote.befalls("deduct", *faults)
        play(feature, user, stop, award)
        remote.plan.clear()
        breaker.reset()
    with monkeypatch.context() as patch, suppress(Died):
        if "reconciliation" in dying:
            patch.setattr(recovery, "_concluded", dies)
        clock.shift(seconds=10)
        recovery.reconcile()
    with monkeypatch.context() as patch, suppress(Died):
        if "outbox" in dying:
            patch.setattr(outbox, "_recorded", dies)
        outbox.deliver_due()
    remote.befalls("any", *later)

    for _ in range(8):
        clock.shift(seconds=70)
        breaker.reset()
        recovery.reconcile()
        outbox.deliver_due()

    mine = RemoteOperation.objects.filter(user=user)
    assert not mine.filter(state__in=WAITING).exists()
    assert {feature.intents[spin] for spin, deduct in feature.deducts.items() if deduct.user_id == user.pk} <= {
        "done",
        "refused",
        "compensated",
    }
    done = {str(spin) for spin, state in feature.intents.items() if state == "done"}
    won = sum(mine.filter(kind="credit", source__in=done).values_list("amount", flat=True))
    staked = 100 * mine.filter(kind="deduct", source__in=done).count()
    assert remote.balances[str(user.pk)] == START - staked + won
    assert mine.filter(kind="refund").count() == mine.filter(state="compensated").count()
