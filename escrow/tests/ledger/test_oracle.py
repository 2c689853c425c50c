"""Any operations in any order, in lists, replayed and refused: after every step the ledger equals the plain model.

`LEDGER_STORIES` and `LEDGER_STEPS` make it longer (`make soak`).
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import Role, User
from core.clock import db_now
from core.ids import new_id
from escrow import services
from escrow.models import Entry, Wallet
from escrow.services import Award, Close, Currency, Deposit, HoldRequest, House, Payee, adjustments, operations
from escrow.services.adjustments import PayoutDecision, PayoutRequest, Reversal, WriteOff
from escrow.tests.factories import freeze, thaw
from escrow.tests.ledger.oracle import Answer, Oracle, Purse
from perfqueue.models import Fulfilment, QueueItem
from perfqueue.services.storage import change
from tests import world
from tests.cleaning import empty_database
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)
STORIES = int(os.environ.get("LEDGER_STORIES", "64"))
STEPS = int(os.environ.get("LEDGER_STEPS", "16"))
MINIMUM = 20
PEOPLE = ("alice", "bob", "ruby")
whom = st.sampled_from([*PEOPLE, "nobody"])
amounts = st.integers(1, 150)
pick = st.integers(0, 40)


class Ledger(RuleBasedStateMachine):
    """Every operation of the ledger, each applied to the oracle too."""

    clock: Clock  # given by the test
    seen: ClassVar[Counter[str]] = Counter()  # kinds and codes over all stories

    def __init__(self) -> None:
        super().__init__()
        self.oracle = Oracle()
        self.ids: dict[str, UUID] = {}  # by the oracle's names
        self.turn = 0

    @initialize()
    def begin(self) -> None:
        empty_database()  # each story has books of its own, so that looking through them stays quick
        self.users = {name: world.person(role=Role.PERFORMER if name == "ruby" else Role.USER) for name in PEOPLE}
        self.users["nobody"] = User.objects.create(username=f"n{new_id().hex}", role=Role.USER)
        self.staff_id = new_id()
        self.sent: list[tuple[str, Callable[[], Any]]] = []
        self.base = house_sums()
        for name in PEOPLE:
            self.oracle.people[name], self.oracle.people[f"{name}.points"] = Purse(), Purse()
        self.deposits([(name, 200) for name in PEOPLE])
        self.holds([("alice", 100, "ruby", 20), ("bob", 60, "ruby", 10)], 40)  # every story knows income of hers
        self.closes([(0, 0)], 0, 40)
        self.sends_again(0)
        self.freezes_or_thaws("ruby")
        self.closes([(1, 0)], 0, 40)
        self.holds([("ruby", 5, "revenue", 40)], 40)
        self.freezes_or_thaws("ruby")
        self.asks_for_a_payout("ruby", MINIMUM - 1, 40)
        self.asks_for_a_payout("ruby", MINIMUM, 40)
        self.sends_again(0)
        self.spends_all_and_loses_the_payment("bob")
        self.writes_off("bob", 10, 39)
        self.sends_again(0)
        self.deposits([("alice", 5)])
        for back in (False, True):
            self.undo([f"deposit{self.turn}" if not back else f"deposit{self.turn - 1}"], back=back)
            if back:
                self.undo([f"deposit{self.turn - 2}"], back=True)
            else:
                self.sends_again(0)
        self.closes([(1, 1)], 0, 40)
        self.closes([(0, 0), (40, 0)], 0, 40)
        self.decides_payouts([(40, True), (0, True), (0, True)])
        self.decides_payouts([(0, False)])
        for again in (0, 40):
            self.awards("alice", 5, again)
        self.awards("nobody", 5, 40)
        self.asks_for_a_payout("nobody", 50, 40)
        self.asks_for_a_payout("ruby", 150, 40)
        self.writes_off("nobody", 50, 40)
        self.writes_off("alice", 50, 40)
        self.deposits([("nobody", 5)])
        self.undo(["missing"], back=True)
        self.undo(["missing"], back=False)
        self.deposits([("alice", 5)])
        self.holds([("alice", 5, "revenue", 40)], 40)
        self.expires()

    def name(self, prefix: str) -> str:
        self.turn += 1
        return f"{prefix}{self.turn}"

    def compare(self, kind: str, expected: Answer, code: str | None, replayed: bool) -> None:
        assert (code, replayed) == expected, kind
        self.seen[f"{kind} {'replayed' if replayed else code or 'done'}"] += 1

    def keyed(self, scope: str, again: int) -> str:
        """A fresh key, or now and then one that was used."""
        used = [key for known, key in self.oracle.keys if known == scope]
        return used[again % len(used)] if again < 8 and used else str(new_id())

    @rule(requests=st.lists(st.tuples(whom, amounts), min_size=1, max_size=4), again=pick)
    def deposits(self, requests: list[tuple[str, int]], again: int = 40) -> None:
        asked, expected = [], []
        for who, amount in requests:
            key, name = self.keyed("deposit", again), self.name("deposit")
            expected.append((name, self.oracle.credit(name, "deposit", key, who, "sales", amount)))
            asked.append(Deposit(key, self.users[who].pk, Currency.TOKEN, amount, House.SALES))
        for (name, answer), done in zip(expected, operations.deposit_many(asked), strict=True):
            self.compare("deposit", answer, done.code, done.replayed)
            if answer == (None, False):
                self.ids[name] = done.operation_id
        self.remember("deposit", operations.deposit_many, asked, expected)

    def remember(self, kind: str, work: Callable[..., Any], asked: Sequence[Any], expected: Any) -> None:
        """Keep what was done, to be sent again."""
        for request, (_, answer) in zip(asked, expected, strict=True):
            if answer == (None, False):
                self.sent.append((kind, lambda request=request: work([request])))  # type: ignore[misc]

    @rule(number=st.integers(0, 400))
    def sends_again(self, number: int) -> None:
        kind, again = self.sent[-1 - number % min(len(self.sent), 9)]
        (done,) = again()
        self.compare(kind, (None, True), done.code, done.replayed)

    @rule(who=st.sampled_from([*PEOPLE, "nobody"]), amount=amounts, again=pick)
    def awards(self, who: str, amount: int, again: int) -> None:
        if not self.oracle.pledges:
            return
        key, name = self.keyed("award", again), self.name("award")
        answer = self.oracle.credit(name, "award", key, f"{who}.points", "slots_bank.points", amount)
        request = Award(key, self.users[who].pk, amount, self.ids[next(iter(self.oracle.pledges))])
        (done,) = services.award_many([request])
        self.compare("award", answer, done.code, done.replayed)
        if answer == (None, False):
            self.ids[name] = done.operation_id

    @rule(
        requests=st.lists(st.tuples(whom, amounts, st.sampled_from(["ruby", "revenue"]), pick), min_size=1, max_size=4),
        again=pick,
    )
    def holds(self, requests: list[tuple[str, int, str, int]], again: int) -> None:
        asked, expected = [], []
        for who, amount, payee, part in requests:
            if who == payee:
                continue
            key, name = self.keyed("hold", again), self.name("hold")
            ends_as = None if part > 30 else min(amount, amount * part // 20)
            expected.append((name, self.oracle.hold(name, key, who, payee, amount, ends_as)))
            to = Payee(house=House.REVENUE) if payee == "revenue" else Payee(self.users[payee].pk)
            asked.append(HoldRequest(new_id(), key, self.users[who].pk, to, Currency.TOKEN, amount, "oracle"))
        for (name, answer), request, done in zip(expected, asked, operations.hold_many(asked), strict=True):
            self.compare("hold", answer, done.code, done.replayed)
            if answer == (None, False):
                self.ids[name] = request.hold_id
                self.item_of(name)
        self.remember("hold", operations.hold_many, asked, expected)

    def item_of(self, name: str) -> None:
        """The item of the hold in its final state, made without the queue."""
        pledge = self.oracle.pledges[name]
        if pledge.ends_as is None:
            return
        now = db_now()
        item = QueueItem(
            user=self.users[pledge.payer],
            hold_id=self.ids[name],
            tokens=pledge.amount,
            currency=Currency.TOKEN,
            title="t",
            fulfilment=Fulfilment.INSTANT if pledge.ends_as else Fulfilment.PERFORMED,
            performer=self.users["ruby"],
            turn=None if pledge.ends_as else int(name.removeprefix("hold")),
            source_feature="oracle",
            idempotency_key=name + str(self.ids[name]),
            created_at=now,
        )
        if pledge.ends_as:
            item.start(now=now, deadline_at=None)
            item.finish(now=now, settle=pledge.ends_as, refund=pledge.amount - pledge.ends_as)
            item.save(force_insert=True)
        else:
            item.save(force_insert=True)
            item.refund(now=now, reason="oracle")
            change([item], [])

    @rule(chosen=st.lists(st.tuples(pick, st.sampled_from([0, 0, 0, 0, 1, -1])), min_size=1, max_size=4),
          fee_bps=st.sampled_from([0, 1, 1_000, 9_999]), again=pick)  # fmt: skip
    def closes(self, chosen: list[tuple[int, int]], fee_bps: int, again: int) -> None:
        """As their items say; now and then with a sum that is wrong, which is refused before anybody asks the item."""
        names = [name for name, pledge in self.oracle.pledges.items() if pledge.ends_as is not None]
        asked, expected = [], []
        for number, wrong in chosen:
            hold = names[number % len(names)] if names and number < 38 else "unknown"
            pledge = self.oracle.pledges.get(hold)
            settle = (pledge.ends_as or 0) if pledge else 1
            refund = (pledge.amount - settle if pledge else 0) + wrong
            key = self.keyed("close", again)
            name = self.name("close")
            expected.append((name, self.oracle.close(name, key, hold, settle, refund, fee_bps, late=False)))
            asked.append(Close(key, self.ids.get(hold, new_id()), settle, refund, fee_bps))
            self._same_name(hold, asked[-1])
        for (name, answer), done in zip(expected, services.close_many(asked), strict=True):
            self.compare("close", answer, done.code, done.replayed)
            if answer == (None, False):
                self.ids[name] = done.operation_id
        self.remember("close", services.close_many, asked, expected)

    def _same_name(self, hold: str, request: Close) -> None:
        """An unknown hold asked for again is another unknown one; let the oracle know it by the same id."""
        self.ids.setdefault(hold, request.hold_id)

    @rule()
    def expires(self) -> None:
        """Holds that no item took: their life is over, they go back."""
        names = [name for name, pledge in self.oracle.pledges.items() if pledge.ends_as is None and pledge.is_open]
        if not names:
            return
        self.clock.shift(seconds=301)
        asked, expected = [], []
        for hold in names[:4]:
            name, amount = self.name("close"), self.oracle.pledges[hold].amount
            key = str(self.ids[hold])
            expected.append((name, self.oracle.close(name, key, hold, 0, amount, 0, late=True)))
            asked.append(Close(key, self.ids[hold], 0, amount, expired=True))
        for (name, answer), done in zip(expected, services.close_many(asked), strict=True):
            self.compare("expire", answer, done.code, done.replayed)
            self.ids[name] = done.operation_id

    @rule(chosen=st.lists(pick, min_size=1, max_size=3), back=st.booleans())
    def undoes(self, chosen: list[int], back: bool) -> None:
        kinds = ("deposit",) if back else ("deposit", "settle", "split", "chargeback", "write_off", "award", "reverse")
        found = [name for name, done in self.oracle.moved.items() if done.kind in kinds and name in self.operations()]
        self.undo([found[number % len(found)] if found and number < 37 else "missing" for number in chosen], back=back)

    def undo(self, targets: list[str], *, back: bool) -> None:
        asked = [Reversal(self.operations().get(target, UUID(int=7))) for target in targets]
        scope = "chargeback" if back else "reverse"
        expected = [
            (name, self.oracle.charge_back(name, target) if back else self.oracle.reverse(name, target))
            for target in targets
            for name in [self.name(scope)]
        ]
        answers = adjustments.chargeback_many(asked) if back else adjustments.reverse_many(asked)
        for (name, answer), done in zip(expected, answers, strict=True):
            self.compare(scope, answer, done.code, done.replayed)
            if answer == (None, False) and done.operation_id:
                self.ids[name] = done.operation_id
        if not back:  # a chargeback that is sent again after it was undone takes again
            self.remember(scope, adjustments.reverse_many, asked, expected)

    @rule(who=st.sampled_from(PEOPLE))
    def spends_all_and_loses_the_payment(self, who: str) -> None:
        """The quickest way into debt."""
        purse = self.oracle.people[who]
        waits = sum(pledge.ends_as is not None for pledge in self.oracle.pledges.values())
        deposits = sum(done.kind == "deposit" for done in self.oracle.moved.values())
        if purse.is_frozen or waits >= 37 or deposits >= 36:
            return
        self.deposits([(who, 50)])
        if purse.available:
            self.holds([(who, purse.available, "revenue", 20)], 40)
            self.closes([(waits, 0)], 0, 40)
        self.undoes([deposits], back=True)

    def operations(self) -> dict[str, UUID]:
        return {name: found for name, found in self.ids.items() if not name.startswith(("hold", "payout", "unknown"))}

    @rule(who=whom, amount=amounts, again=pick)
    def writes_off(self, who: str, amount: int, again: int) -> None:
        purse = self.oracle.people.get(who)
        amount = min(amount, purse.owed) if purse and purse.owed and again % 2 else amount
        key, name = self.keyed("write_off", again), self.name("write_off")
        answer = self.oracle.write_off(name, key, who, amount)
        request = WriteOff(key, self.users[who].pk, Currency.TOKEN, amount)
        (done,) = adjustments.write_off_many([request])
        self.compare("write_off", answer, done.code, done.replayed)
        if answer == (None, False) and done.operation_id:
            self.ids[name] = done.operation_id
            self.sent.append(("write_off", lambda: adjustments.write_off_many([request])))

    @rule(who=st.sampled_from(["ruby", "ruby", "ruby", "alice", "nobody"]), amount=amounts, again=pick)
    def asks_for_a_payout(self, who: str, amount: int, again: int) -> None:
        key, name = self.keyed("payout", again), self.name("payout")
        answer = self.oracle.ask_payout(name, key, who, amount, MINIMUM)
        request = PayoutRequest(new_id(), key, self.users[who].pk, amount)
        (done,) = adjustments.request_payouts([request], minimum=MINIMUM)
        self.compare("payout", answer, done.code, done.replayed)
        if answer == (None, False):
            self.ids[name] = request.payout_id
            self.sent.append(("payout", lambda: adjustments.request_payouts([request], minimum=MINIMUM)))

    @rule(chosen=st.lists(st.tuples(pick, st.booleans()), min_size=1, max_size=3))
    def decides_payouts(self, chosen: list[tuple[int, bool]]) -> None:
        names = list(self.oracle.payouts)
        asked, expected = [], []
        for number, approve in chosen:
            payout = names[number % len(names)] if names and number < 36 else "missing"
            expected.append(self.oracle.decide_payout(payout, approve=approve))
            asked.append(PayoutDecision(self.ids.get(payout, UUID(int=9)), approve, self.staff_id, "r"))
        for answer, done in zip(expected, adjustments.decide_payouts(asked), strict=True):
            self.compare("decide", answer, done.code, done.replayed)

    @rule(who=st.sampled_from(PEOPLE))
    def freezes_or_thaws(self, who: str) -> None:
        purse = self.oracle.people[who]
        (thaw if purse.is_frozen else freeze)(self.users[who])
        purse.is_frozen = self.oracle.people[f"{who}.points"].is_frozen = not purse.is_frozen

    @invariant()
    def the_ledger_agrees_with_the_oracle(self) -> None:
        if not hasattr(self, "users"):
            return
        wallets = Wallet.objects.filter(owner__in=self.users.values())
        names = {self.users[name].pk: name for name in self.users}
        found = {
            names[wallet.owner_id] + (".points" if wallet.currency == Currency.POINT else ""): (
                wallet.available,
                wallet.held,
                wallet.earned,
                wallet.owed,
            )
            for wallet in wallets
        }
        assert not [name for name, (available, _, _, owed) in found.items() if available and owed], found
        assert found == {
            name: (purse.available, purse.held, purse.earned, purse.owed) for name, purse in self.oracle.people.items()
        }
        now = house_sums()
        assert {name: now[name] - self.base[name] for name in now if now[name] != self.base[name]} == {
            name: total for name, total in self.oracle.house.items() if total
        }
        assert services.verify() == []

    def teardown(self) -> None:
        """Close what is open, so that the queue agrees too; only then look at the house's accounts as a whole."""
        if not hasattr(self, "users"):
            return
        for name in PEOPLE:
            if self.oracle.people[name].is_frozen:
                self.freezes_or_thaws(name)
        open_ones = [name for name, pledge in self.oracle.pledges.items() if pledge.is_open]
        self.clock.shift(seconds=301)
        for name in open_ones:
            pledge = self.oracle.pledges[name]
            settle = pledge.ends_as or 0
            close = Close(str(new_id()), self.ids[name], settle, pledge.amount - settle, expired=pledge.ends_as is None)
            (done,) = services.close_many([close])
            assert done.code is None


def house_sums() -> Counter[str]:
    """What each house account holds, by name; points apart."""
    lines = Entry.objects.filter(house__isnull=False).values_list("house", "currency")
    return Counter(
        {
            f"{house}.points" if currency == Currency.POINT else house: total
            for house, currency, total in lines.annotate(total=Sum("d_available"))
        }
    )


KINDS = {
    "deposit done", "deposit replayed", "deposit IDEMPOTENCY_KEY_REUSED", "deposit WALLET_UNKNOWN",
    "deposit WALLET_FROZEN", "hold done", "hold replayed", "hold INSUFFICIENT_BALANCE", "hold WALLET_UNKNOWN",
    "hold WALLET_FROZEN", "hold IDEMPOTENCY_KEY_REUSED", "close done", "close replayed", "close HOLD_CLOSED",
    "close SPLIT_MISMATCH", "close NOT_FOUND", "close WALLET_FROZEN", "close IDEMPOTENCY_KEY_REUSED",
    "expire done", "reverse done", "reverse replayed", "reverse NOT_FOUND", "reverse INVALID_TRANSITION",
    "reverse INSUFFICIENT_BALANCE", "chargeback done", "chargeback replayed", "chargeback NOT_FOUND",
    "chargeback INVALID_TRANSITION", "write_off done", "write_off INSUFFICIENT_BALANCE",
    "write_off WALLET_UNKNOWN", "payout done", "payout PAYOUT_TOO_SMALL", "payout INSUFFICIENT_BALANCE",
    "payout WALLET_UNKNOWN", "write_off replayed", "payout replayed", "award done", "award WALLET_UNKNOWN",
    "decide done", "decide replayed", "decide APPROVAL_CLOSED", "decide NOT_FOUND",
}  # fmt: skip


@pytest.mark.timeout(0 if STORIES > 64 else 180)
def test_the_ledger_agrees_with_plain_sums_after_every_step(clock: Clock) -> None:
    Ledger.clock = clock
    Ledger.seen.clear()

    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=STORIES <= 64,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert set(Ledger.seen) >= KINDS, KINDS - set(Ledger.seen)
    print(dict(Ledger.seen))
