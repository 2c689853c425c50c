"""Stories of commands in any order: after every step the ledger and the line add up, and nothing was lost."""

from collections import Counter
from typing import Any, ClassVar

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from core.db import command
from core.errors import DomainError
from escrow.models import Entry, Operation, Wallet
from perfqueue import services
from perfqueue.models import Transition
from perfqueue.services import QueueItem
from perfqueue.tests.test_graph import EDGES
from tests.clock import Clock
from tests.ledger import assert_ledger_adds_up
from tests.world import buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
RICHES = 500


class Story(RuleBasedStateMachine):
    """Two lines, two buyers, a desk and a clock. A refusal is as good an answer as any; a defect is not."""

    clock: Clock  # given by the test
    told: ClassVar[Counter[str]] = Counter()  # kinds of operations over all stories

    def __init__(self) -> None:
        super().__init__()
        self.items: list[QueueItem] = []
        self.refused = 0

    @initialize(policy=st.sampled_from(["full_refund", "review"]), fee_bps=st.sampled_from([0, 1, 1_000, 9_999]))
    def begin(self, policy: str, fee_bps: int) -> None:
        terms: dict[str, Any] = {"depth": 3, "user_cap": 2, "rope_drop_s": 60, "max_wait_s": 600}
        self.lines = [performer(fee_bps=fee_bps, abandon_policy=policy, **terms) for _ in range(2)]
        self.buyers = [person(tokens=RICHES) for _ in range(2)]
        self.desk = staff()
        self.items = [buy(buyer, ruby, 50) for ruby in self.lines for buyer in self.buyers]
        for line, settle in enumerate((50, 20)):  # every story knows a payment and a split, whatever comes after
            head = self.items[line * len(self.buyers)]
            services.start(item_id=head.id, actor=self.lines[line])
            services.finish(item_id=head.id, actor=self.lines[line], settle=settle, reason="opening")

    def attempt(self, work: Any, before: Any = None) -> Any:
        try:
            return command(work, before=before)
        except DomainError:
            self.refused += 1
        return None

    def on_item(self, number: int, work: Any) -> None:
        if not self.items:
            return
        item = self.items[number % len(self.items)]
        ruby = next(line for line in self.lines if line.pk == item.performer_id)
        self.attempt(lambda: work(item, ruby), before=lambda: services.expire_due(ruby.pk))

    @rule(line=st.integers(0, 1), buyer=st.integers(0, 1), tokens=st.integers(1, 200), long=st.booleans())
    def buys(self, line: int, buyer: int, tokens: int, long: bool) -> None:
        try:
            self.items.append(buy(self.buyers[buyer], self.lines[line], tokens, duration_s=300 if long else 20))
        except DomainError:
            self.refused += 1

    def on(self, line: int, state: str, work: Any) -> None:
        """Do it to the first item of a line in that state, if there is one."""
        first = QueueItem.objects.filter(performer=self.lines[line], state=state).order_by("turn").first()
        if first is not None:
            self.on_item([item.id for item in self.items].index(first.id), work)

    @rule(line=st.integers(0, 1))
    def starts_the_head(self, line: int) -> None:
        self.on(line, "created", lambda item, ruby: services.start(item_id=item.id, actor=ruby))

    @rule(number=st.integers(0, 50))
    def starts_any(self, number: int) -> None:
        self.on_item(number, lambda item, ruby: services.start(item_id=item.id, actor=ruby))

    @rule(line=st.integers(0, 1))
    def finishes_the_stage(self, line: int) -> None:
        self.on(line, "started", lambda item, ruby: services.finish(item_id=item.id, actor=ruby))

    @rule(line=st.integers(0, 1), part=st.integers(0, 101))
    def splits_the_stage(self, line: int, part: int) -> None:
        def split(item: QueueItem, ruby: User) -> QueueItem:
            return services.finish(item_id=item.id, actor=ruby, settle=item.tokens * part // 100, reason="part")

        self.on(line, "started", split)

    @rule(number=st.integers(0, 50))
    def finishes_any(self, number: int) -> None:
        self.on_item(number, lambda item, ruby: services.finish(item_id=item.id, actor=ruby))

    @rule(number=st.integers(0, 50))
    def abandons(self, number: int) -> None:
        self.on_item(number, lambda item, ruby: services.abandon(item_id=item.id, actor=ruby))

    @rule(number=st.integers(0, 50), by_desk=st.booleans())
    def refunds(self, number: int, by_desk: bool) -> None:
        self.on_item(
            number,
            lambda item, ruby: services.refund(item_id=item.id, actor=self.desk if by_desk else ruby, reason="r"),
        )

    @rule(number=st.integers(0, 50))
    def leaves(self, number: int) -> None:
        self.on_item(number, lambda item, _: services.leave(item_id=item.id, actor=item.user))

    @rule(number=st.integers(0, 50), settle=st.integers(0, 250))
    def resolves(self, number: int, settle: int) -> None:
        self.on_item(
            number,
            lambda item, _: services.resolve(
                item_id=item.id,
                actor=self.desk,
                settle=settle or None,
                refund=None if settle else item.tokens,
                reason="r",
            ),
        )

    @rule(numbers=st.lists(st.integers(0, 50), max_size=4))
    def refunds_many(self, numbers: list[int]) -> None:
        ids = [self.items[number % len(self.items)].id for number in numbers if self.items]
        self.attempt(lambda: services.refund_many(item_ids=ids, actor=self.desk, reason="r"))

    @rule(line=st.integers(0, 1), what=st.sampled_from(["open", "close", "pause", "resume", "open", "resume"]))
    def controls(self, line: int, what: str) -> None:
        ruby: User = self.lines[line]
        run = getattr(services, f"{what}_queue")
        self.attempt(lambda: run(performer_id=ruby.pk, actor=ruby), before=lambda: services.expire_due(ruby.pk))

    @rule(seconds=st.sampled_from([1, 10, 45, 61, 400, 700, 90_000]), swept=st.booleans())
    def passes_time(self, seconds: int, swept: bool) -> None:
        self.clock.shift(seconds=seconds)
        if swept:
            services.sweep("story")

    @invariant()
    def the_ledger_adds_up(self) -> None:
        assert_ledger_adds_up()

    @invariant()
    def nothing_is_lost(self) -> None:
        kept = Wallet.objects.aggregate(total=Sum("available") + Sum("held") + Sum("earned") - Sum("owed"))["total"]
        fees = Entry.objects.filter(house="revenue").aggregate(total=Sum("d_available"))["total"] or 0
        minted = Entry.objects.filter(house="mint").aggregate(total=Sum("d_available"))["total"] or 0
        assert (kept or 0) + fees + minted == 0

    @invariant()
    def every_line_is_in_order(self) -> None:
        for ruby in getattr(self, "lines", []):
            mine = QueueItem.objects.filter(performer=ruby)
            waiting = list(mine.filter(state="created").order_by("turn"))
            queue = services.PerformerQueue.objects.get(pk=ruby.pk)
            assert mine.filter(state="started").count() <= 1
            assert len(waiting) <= queue.depth
            assert [item.id for item in waiting if item.rope_drop_at is not None] == (
                [waiting[0].id]
                if waiting and queue.is_open and not queue.is_paused and not mine.filter(state="started").exists()
                else []
            )

    @invariant()
    def every_step_is_an_edge(self) -> None:
        steps = Transition.objects.order_by("id").values_list("item_id", "from_state", "to_state")
        state: dict[object, str] = {}
        for item_id, source, target in steps:
            assert state.get(item_id, "") == source
            assert (source, target) in EDGES | {("", "created")}
            state[item_id] = target
        assert state == dict(QueueItem.objects.values_list("id", "state"))

    def teardown(self) -> None:
        for _ in range(2):  # what was on stage goes to review first
            self.clock.shift(days=2)
            services.sweep("story")
        assert not Wallet.objects.filter(held__gt=0).exists()
        self.told.update(
            Operation.objects.filter(hold__in=[item.hold_id for item in self.items]).values_list("kind", flat=True)
        )


def test_a_story_of_any_commands_adds_up_after_every_step(clock: Clock) -> None:
    Story.clock = clock

    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # a story of 25 steps is read as it is; shrinking one takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert {"hold", "settle", "split", "refund"} <= set(Story.told), Story.told
