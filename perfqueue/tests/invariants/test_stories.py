"""Stories of commands in any order: after every step the ledger and the queue add up, and nothing was lost.

`QUEUE_STORIES` and `QUEUE_STEPS` make it longer (`make soak`).
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import PerformerProfile, Role, User
from core.db import command, rows
from core.errors import DomainError
from core.ids import new_id
from escrow.models import Wallet
from escrow.services import Currency, Deposit, House
from escrow.services.operations import deposit_many
from perfqueue import services
from perfqueue.models import Block, PerformerQueue, QueueItem
from perfqueue.services import AbandonPolicy, Presence, State, control
from perfqueue.tests.invariants.replay import assert_queues_match_their_transitions
from perfqueue.tests.invariants.test_graph import EDGES
from tests.cleaning import empty_database, vacuum
from tests.clock import Clock
from tests.ledger import assert_ledger_adds_up
from tests.world import buy, people, performer, performers, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
STORIES = int(os.environ.get("QUEUE_STORIES", "200"))
STEPS = int(os.environ.get("QUEUE_STEPS", "10"))
BATCH = 10  # stories from one seed; after as many Hypothesis only varies earlier ones
PERFORMERS, BUYERS, RICHES, STORIES_PER_WORLD = 3, 10, 500, 5
TERMS: dict[str, Any] = {"depth": 4, "user_cap": 2, "rope_drop_s": 60, "max_wait_s": 600}
ALL_TOKENS = """
SELECT (SELECT coalesce(sum(available + held + earned - owed), 0) FROM escrow_wallet)
     + (SELECT coalesce(sum(d_available), 0) FROM escrow_entry WHERE house = 'revenue') AS n
"""

WRITTEN = """
SELECT (SELECT count(*) FROM escrow_operation) AS operations, (SELECT count(*) FROM perfqueue_transition) AS steps
"""

CONTENT = """
SELECT q.performer_id, q.revision, md5(concat(q, (
       SELECT string_agg(i::text, ' ' ORDER BY i.id) FROM perfqueue_queueitem i WHERE i.performer_id = q.performer_id)))
       AS content
  FROM perfqueue_performerqueue q
"""

which_performer = st.one_of(st.just(0), st.integers(0, PERFORMERS - 1))  # mostly one queue
which_buyer = st.one_of(st.just(0), st.integers(0, BUYERS - 1))  # mostly one buyer
pick = st.integers(0, 50)


@dataclass
class World:
    """Three performers, ten buyers and one of staff, for a few stories one after the other."""

    performers: list[User]
    buyers: list[User]
    support: User
    minted: int = 0
    stories: int = 0

    @classmethod
    def empty(cls, clock: Clock) -> "World":
        """An empty database, so that checking the whole ledger stays quick."""
        vacuum()
        clock.reset()
        with transaction.atomic():
            empty_database()
            return cls(performers(PERFORMERS, **TERMS), people(BUYERS), people(1, role=Role.SUPPORT)[0])

    def begin(self, policy: str, fee_bps: int) -> None:
        """Open every queue with default values, and give every buyer the same balance."""
        PerformerQueue.objects.update(
            is_open=True, is_paused=False, presence=Presence.OFFLINE, seen_at=None, silent_at=None, ends_at=None,
            away_at=None, abandon_policy=policy,
        )  # fmt: skip
        PerformerProfile.objects.update(fee_bps=fee_bps)
        Block.objects.all().delete()
        left = dict(Wallet.objects.filter(currency=Currency.TOKEN).values_list("owner_id", "available"))
        lacking = [(buyer.pk, RICHES - left[buyer.pk]) for buyer in self.buyers if left[buyer.pk] < RICHES]
        deposits = [Deposit(str(new_id()), owner, Currency.TOKEN, amount, House.MINT) for owner, amount in lacking]
        assert all(paid.code is None for paid in deposit_many(deposits))
        self.minted += sum(amount for _, amount in lacking)


class Story(RuleBasedStateMachine):
    """Three queues, ten buyers, staff and a clock. A refusal is a valid answer; a defect is not."""

    clock: ClassVar[Clock]  # given by the test
    reused: ClassVar[World | None] = None  # of the last story that ended
    counts: ClassVar[Counter[str]] = Counter()  # commands by name and result, over all stories
    walked: ClassVar[set[tuple[str, str]]] = set()  # edges over all stories

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None
        self.seen: tuple[int, int] | None = None  # operations and steps when the ledger was last looked through
        self.items: list[QueueItem] = []
        self.contents: dict[tuple[UUID, int], str] = {}  # of every queue and its items, by revision

    @initialize(
        policy=st.sampled_from(AbandonPolicy.values), fee_bps=st.sampled_from([0, 1, 1_000, 9_999]),
        first_steps=st.integers(0, 2), support=st.booleans(),
    )  # fmt: skip
    def begin(self, policy: str, fee_bps: int, first_steps: int, support: bool) -> None:
        world = self.world = Story.reused or World.empty(self.clock)
        Story.reused = None  # unless this story ends too
        world.begin(policy, fee_bps)
        self.performers, self.buyers, self.support = world.performers, world.buyers, world.support
        self.items = [
            buy(buyer, ruby, 50)
            for buyer, ruby in zip(self.buyers, [*self.performers, *self.performers[:1] * 2], strict=False)
        ]
        for step in (self.starts_the_head, self.abandons_the_started)[:first_steps]:
            step(0)
        self.ends_by_staff = support

    def attempt(self, name: str, ruby: User, work: Callable[[], Any]) -> Any:
        """Run it as an endpoint does, and count the result."""
        try:
            done = command(work, before=lambda: services.expire_due(ruby.pk))
        except DomainError as refusal:
            self.counts[f"{name} {refusal.code}"] += 1
            return None
        self.counts[f"{name} done"] += 1
        return done

    def on_item(self, name: str, number: int, work: Callable[[QueueItem, User], Any]) -> Any:
        item = self.items[number % len(self.items)]
        ruby = next(each for each in self.performers if each.pk == item.performer_id)
        return self.attempt(name, ruby, lambda: work(item, ruby))

    def on(self, name: str, number: int, state: str, work: Callable[[QueueItem, User], Any]) -> None:
        """Do it to the first item in that state of some queue, if there is any."""
        found = QueueItem.objects.filter(state=state).order_by("performer_id", "turn")
        heads = [next(items).id for _, items in groupby(found, key=lambda item: item.performer_id)]
        if heads:
            self.on_item(name, [item.id for item in self.items].index(heads[number % len(heads)]), work)

    @rule(
        performer=which_performer,
        purchases=st.lists(st.tuples(which_buyer, st.sampled_from([1, 7, 100, RICHES])), min_size=1, max_size=4),
        long=st.booleans(),
    )
    def several_buy(self, performer: int, purchases: list[tuple[int, int]], long: bool) -> None:
        for buyer, tokens in purchases:
            try:
                item = buy(self.buyers[buyer], self.performers[performer], tokens, duration_s=300 if long else 20)
            except DomainError as refusal:
                self.counts[f"buy {refusal.code}"] += 1
            else:
                self.items.append(item)
                self.counts["buy done"] += 1

    @rule(performer=which_performer)
    def starts_the_head(self, performer: int) -> None:
        self.on("start", performer, State.CREATED, lambda item, ruby: services.start(item_id=item.id, actor=ruby))

    @rule(number=pick, reason=st.sampled_from(["asked for", "asked for", ""]))
    def skips(self, number: int, reason: str) -> None:
        """Staff start any item of a queue; with a reason also another than the head."""
        self.on_item("skip", number, lambda item, _: services.start(item_id=item.id, actor=self.support, reason=reason))

    @rule(performer=which_performer)
    def finishes_the_started(self, performer: int) -> None:
        self.on("finish", performer, State.STARTED, lambda item, ruby: services.finish(item_id=item.id, actor=ruby))

    @rule(performer=which_performer, part=st.integers(0, 101))
    def splits_the_started(self, performer: int, part: int) -> None:
        def split(item: QueueItem, ruby: User) -> services.ItemFacts:
            return services.finish(item_id=item.id, actor=ruby, settle=item.tokens * part // 100, reason="part")

        self.on("split", performer, State.STARTED, split)

    @rule(performer=which_performer)
    def abandons_the_started(self, performer: int) -> None:
        self.on("abandon", performer, State.STARTED, lambda item, ruby: services.abandon(item_id=item.id, actor=ruby))

    @rule(number=pick, what=st.sampled_from(["start", "start", "finish", "abandon"]))
    def tries(self, number: int, what: str) -> None:
        """A performer's command on any item, whatever its state."""
        run = getattr(services, what)
        self.on_item(what, number, lambda item, ruby: run(item_id=item.id, actor=ruby))

    @rule(number=pick, by_staff=st.booleans())
    def refunds(self, number: int, by_staff: bool) -> None:
        self.on_item(
            "refund",
            number,
            lambda item, ruby: services.refund(item_id=item.id, actor=self.support if by_staff else ruby, reason="r"),
        )

    @rule(number=pick)
    def leaves(self, number: int) -> None:
        self.on_item("leave", number, lambda item, _: services.leave(item_id=item.id, actor=item.user))

    @rule(performer=which_performer, part=st.sampled_from([0, 40, 100, 101]))
    def resolves(self, performer: int, part: int) -> None:
        def resolve(item: QueueItem, _: User) -> services.ItemFacts:
            settle = item.tokens * part // 100
            back = None if settle else item.tokens
            return services.resolve(item_id=item.id, actor=self.support, settle=settle or None, refund=back, reason="r")

        self.on("resolve", performer, State.ABANDONED, resolve)

    @rule(numbers=st.lists(pick, min_size=1, max_size=4))
    def refunds_many(self, numbers: Sequence[int]) -> None:
        ids = [self.items[number % len(self.items)].id for number in numbers]
        results = command(
            lambda: services.refund_many(item_ids=ids, actor=self.support, reason="r"),
            before=services.Gate.of_items(ids).before_command,
        )
        self.counts.update(f"bulk {each.code or 'done'}" for each in results)

    @rule(performer=which_performer, what=st.sampled_from(["open", "close", "pause", "resume", "open", "resume"]))
    def controls(self, performer: int, what: str) -> None:
        ruby, run = self.performers[performer], getattr(services, f"{what}_queue")
        self.attempt(what, ruby, lambda: run(performer_id=ruby.pk, actor=ruby))

    @rule(performer=which_performer, state=st.sampled_from(Presence))
    def sends_a_heartbeat(self, performer: int, state: Presence) -> None:
        ruby = self.performers[performer]
        self.attempt(state, ruby, lambda: services.record_heartbeat(performer_id=ruby.pk, actor=ruby, state=state))
        if state == Presence.OFFLINE and PerformerQueue.objects.get(pk=ruby.pk).is_open:
            assert not QueueItem.objects.filter(performer=ruby, state=State.STARTED).exists()

    @rule(performer=which_performer, buyer=which_buyer)
    def blocks(self, performer: int, buyer: int) -> None:
        ruby, user_id = self.performers[performer], self.buyers[buyer].pk
        self.attempt("block", ruby, lambda: services.block(performer_id=ruby.pk, user_id=user_id, actor=ruby))

    @rule(performer=which_performer, buyer=which_buyer)
    def unblocks(self, performer: int, buyer: int) -> None:
        ruby, user_id = self.performers[performer], self.buyers[buyer].pk
        self.attempt("unblock", ruby, lambda: services.unblock(performer_id=ruby.pk, user_id=user_id, actor=ruby))

    @rule(performer=which_performer, numbers=st.lists(pick, min_size=1, max_size=4))
    def withdraws(self, performer: int, numbers: list[int]) -> None:
        ruby, ids = self.performers[performer], [self.items[number % len(self.items)].id for number in numbers]
        self.attempt("withdraw", ruby, lambda: control.withdraw(performer_id=ruby.pk, item_ids=ids, actor=self.support))

    @rule(performer=which_performer, policy=st.sampled_from(AbandonPolicy))
    def changes_the_policy(self, performer: int, policy: AbandonPolicy) -> None:
        ruby = self.performers[performer]
        self.attempt(policy, ruby, lambda: services.configure(performer_id=ruby.pk, abandon_policy=policy))

    @rule(seconds=st.sampled_from([1, 10, 45, 61, 400, 700, 90_000]), swept=st.booleans())
    def passes_time(self, seconds: int, swept: bool) -> None:
        self.clock.shift(seconds=seconds)
        if swept:
            services.sweep("story")

    @invariant()
    def the_ledger_adds_up(self) -> None:
        """Looked through as a whole after every step that wrote into it; there is none that writes no operation."""
        (now,) = rows(WRITTEN)
        if self.seen != (now["operations"], now["steps"]):
            assert_ledger_adds_up()
            self.seen = now["operations"], now["steps"]

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.world is None or rows(ALL_TOKENS)[0]["n"] == self.world.minted

    @invariant()
    def a_revision_has_one_content(self) -> None:
        for queue in rows(CONTENT):
            known = self.contents.setdefault((queue["performer_id"], queue["revision"]), queue["content"])
            assert queue["content"] == known

    @invariant()
    def every_queue_matches_its_steps(self) -> None:
        if self.world is not None:
            self.walked.update(assert_queues_match_their_transitions(support=self.support.pk))

    def teardown(self) -> None:
        """End what is open, by staff or by time alone; then nothing may be held."""
        if self.world is None:
            return
        view = services.queue_view(self.performers[0].pk, viewer=None)
        assert [each.position for each in view.items] == list(range(1, len(view.items) + 1))
        if self.ends_by_staff:
            self.refunds_many(range(len(self.items)))
        for _ in range(2):  # a started item goes to review first
            if QueueItem.objects.exclude(state__in=(State.FINISHED, State.REFUNDED)).exists():
                self.clock.shift(days=2)
                services.sweep("story")
        assert not QueueItem.objects.exclude(state__in=(State.FINISHED, State.REFUNDED)).exists()
        assert not Wallet.objects.filter(held__gt=0).exists()
        assert_ledger_adds_up()
        self.nothing_is_lost()
        self.every_queue_matches_its_steps()
        self.world.stories += 1
        Story.reused = self.world if self.world.stories < STORIES_PER_WORLD else None


COMMANDS = {
    "buy", "start", "skip", "finish", "split", "abandon", "refund", "leave", "resolve", "bulk", "open", "close",
    "pause", "resume", "streaming", "idle", "offline", "block", "unblock", "withdraw", "full_refund", "review",
}  # fmt: skip
REFUSALS = {
    "buy QUEUE_FULL", "buy INSUFFICIENT_BALANCE", "buy USER_QUEUE_LIMIT", "start NOT_HEAD_OF_QUEUE",
    "skip ALREADY_STARTED", "finish INVALID_TRANSITION", "leave INVALID_TRANSITION", "bulk INVALID_TRANSITION",
}  # fmt: skip


@pytest.mark.timeout(0 if STORIES > 200 else 180)
def test_a_story_of_any_commands_adds_up_after_every_step(clock: Clock) -> None:
    Story.clock = clock
    Story.counts.clear()
    Story.walked.clear()
    Story.reused = None
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # nobody cuts the power in a story

    for book in range(-(-STORIES // BATCH)):
        run_state_machine_as_test(
            seed(book)(Story),
            settings=settings(
                max_examples=BATCH,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],  # a story of a dozen steps is read as it is; shrinking one takes minutes
                suppress_health_check=list(HealthCheck),
            ),
        )

    print(dict(Story.counts))
    expected = {f"{name} done" for name in COMMANDS} | REFUSALS
    assert set(Story.counts) >= expected, expected - set(Story.counts)
    assert Story.walked == EDGES


def test_control_the_rule_notices_whoever_is_started_out_of_turn() -> None:
    ruby, alice, support = performer(), person(tokens=200), staff()
    _head, second = buy(alice, ruby), buy(alice, ruby)
    services.start(item_id=second.id, actor=support, reason="asked for")

    assert assert_queues_match_their_transitions(support=support.pk) == {("created", "started")}
    with pytest.raises(AssertionError):
        assert_queues_match_their_transitions(support=ruby.pk)
