"""A spin that RedRoomRewards pays stops after any step; once reconciliation has run, both ledgers agree."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from core.batches import Begun, KeyedRequest
from core.ids import new_id
from escrow.models import House
from escrow.services.houses import house_balances
from loyalty.client import LoyaltyClient, breaker, run
from loyalty.models import RemoteOperation
from loyalty.services import rounds
from slots import services
from slots.models import Spin, SpinIntent
from slots.services import Deducted, NotDeducted, OpenIntent, Unanswered
from slots.tests.factories import asked
from slots.tests.machines import balances, member_of
from slots.tests.remote import begin, linked, settle, settlement
from tests.clock import Clock
from tests.standin_inside import StandInInside as StandIn
from xxxchat.commands.saga import deducted

pytestmark = pytest.mark.django_db(transaction=True)

DEDUCT, CREDIT = "/loyalty/deduct", "/loyalty/credit"
START, BET = 250, 100
STOPS = (
    "before the intent",
    "after the intent",
    "before the deduct arrives",
    "before its answer arrives",
    "before it is said to be unknown",
    "after it is said to be unknown",
    "after the answer to the deduct",
    "after the settlement",
    "before the credit arrives",
    "before its confirmation arrives",
    "never",
)


class Stopped(Exception):
    """The process ends here."""


class Process:
    """A commands process and its outbox, which do one spin step by step and stop after one of them."""

    def __init__(self, standin: StandIn, stop: str) -> None:
        self.standin = standin
        self.stop = stop

    def reached(self, *stops: str) -> None:
        if self.stop in stops:
            raise Stopped

    def spin(self, request: KeyedRequest[Any]) -> None:
        self.reached("before the intent")
        (begun,) = begin(request)
        if not isinstance(begun, Begun):
            return  # a replay, or an intent of another request
        self.reached("after the intent")
        deduct = self.deduct(begun.value)
        self.reached("after the answer to the deduct")
        settle(settlement(request, begun, deduct))
        self.reached("after the settlement", "after it is said to be unknown")
        self.deliver()

    def deduct(self, intent: OpenIntent) -> Deducted | NotDeducted | Unanswered:
        if self.stop == "before the deduct arrives":
            self.standin.steering.fault("drop_before", path=DEDUCT)
        elif self.stop in ("before its answer arrives", "before it is said to be unknown") or "unknown" in self.stop:
            self.standin.steering.fault("drop_after", path=DEDUCT)
        became = run(partial(_deducted, intent))
        self.standin.steering.clear()
        breaker.reset()
        if isinstance(became, Unanswered):
            self.reached("before the deduct arrives", "before its answer arrives", "before it is said to be unknown")
        return became

    def deliver(self) -> None:
        faults = {"before the credit arrives": "drop_before", "before its confirmation arrives": "drop_after"}
        if self.stop in faults:
            self.standin.steering.fault(faults[self.stop], path=CREDIT)
        rounds.deliver()
        self.standin.steering.clear()
        breaker.reset()


async def _deducted(intent: OpenIntent, client: LoyaltyClient) -> Deducted | NotDeducted | Unanswered:
    return await deducted(client, intent)


def recovered(clock: Clock) -> None:
    """Run the rounds of beat until nothing waits any more, and the clock with them."""
    for _ in range(20):
        rounds.reconcile()
        rounds.deliver()
        if not RemoteOperation.objects.filter(state__in=("open", "unknown")).exists():
            return
        clock.shift(seconds=10)
    raise AssertionError(list(RemoteOperation.objects.values("kind", "state", "error", "attempts", "due_at")))


def assert_both_ledgers_agree(standin: StandIn, users: Sequence[User]) -> None:
    there = balances(standin)
    moved = Counter(entry["transactionId"] for entry in standin.steering.entries())
    for user in users:
        spins = list(Spin.objects.filter(user_id=user.pk))
        assert there[str(user.pk)] == START - BET * len(spins) + sum(spin.payout for spin in spins)
        ends = Counter(SpinIntent.objects.filter(user=user).values_list("state", flat=True))
        assert (ends["open"], ends["done"]) == (0, len(spins))
        for row in RemoteOperation.objects.filter(user=user):
            is_paid = row.state in ("confirmed", "compensated")
            assert moved[row.key] == int(is_paid), (row.key, row.state)
    played = Spin.objects.all()
    clearing = next(
        each for each in house_balances() if (each.house, each.currency) == (House.LOYALTY_CLEARING, "POINT")
    )
    assert clearing.balance == sum(spin.payout - spin.bet for spin in played)
    assert services.verify() == []


Story = list[tuple[int, str, bool]]
STORIES = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(STOPS), st.booleans()), min_size=1, max_size=4)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES)
@example(story=[(0, stop, False) for stop in STOPS[:4]])
@example(story=[(0, stop, False) for stop in STOPS[4:8]])
@example(story=[(0, stop, False) for stop in STOPS[8:]])
@example(story=[(0, stop, True) for stop in STOPS[1:7]])
def test_whatever_stops_where_no_point_is_lost(standin: StandIn, clock: Clock, story: Story) -> None:
    """A play: whose, where its process stops, and whether its client asks again with the same key."""
    users = [linked() for _ in range(2)]
    standin.steering.put_members([member_of(user, START) for user in users])

    for player, stop, asks_again in story:
        request = asked(users[player], request_id=f"request-{new_id()}")
        tries: list[Callable[[], None]] = [partial(Process(standin, stop).spin, request)]
        tries += [partial(Process(standin, "never").spin, request)] if asks_again else []
        for attempt in tries:
            try:
                attempt()
            except Stopped:
                continue
        if not asks_again:
            clock.shift(seconds=5)
            rounds.reconcile()
    recovered(clock)

    assert_both_ledgers_agree(standin, users)
