"""A model of the ledger in plain Python: no database, no SQL. Whole numbers, one method per operation."""

from collections import Counter
from dataclasses import dataclass, field

Answer = tuple[str | None, bool]
"""The code (None: done), and whether it is a replay."""


@dataclass
class Purse:
    """One person's balances. `is_known` is False for somebody without a wallet."""

    available: int = 0
    held: int = 0
    earned: int = 0
    owed: int = 0
    is_frozen: bool = False

    def take_in(self, amount: int) -> tuple[int, int]:
        """What is credited pays the debt first: (what arrives, what pays)."""
        pays = min(self.owed, amount)
        return amount - pays, pays


@dataclass
class Moved:
    """An operation that was written: what it did to each person (available, held, earned, owed) and to the house.

    `is_undone`: it was reversed, or is a deposit whose payment is charged back by `taken_by`.
    """

    kind: str
    people: dict[str, tuple[int, int, int, int]]
    house: dict[str, int]
    is_undone: bool = False
    taken_by: str | None = None


@dataclass
class Pledge:
    """A hold. `ends_as`: what its item says will be paid, None if it has no item."""

    payer: str
    payee: str
    amount: int
    ends_as: int | None
    is_open: bool = True


@dataclass
class Oracle:
    """The whole ledger. A payee that is no person is an account of the house."""

    people: dict[str, Purse] = field(default_factory=dict)
    house: Counter[str] = field(default_factory=Counter)
    pledges: dict[str, Pledge] = field(default_factory=dict)
    moved: dict[str, Moved] = field(default_factory=dict)
    payouts: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[object, ...]] = field(default_factory=dict)

    def hold(self, name: str, key: str, payer: str, payee: str, amount: int, ends_as: int | None) -> Answer:
        known = self._known("hold", key, payer, payee, amount)
        if known:
            return known
        purse = self.people.get(payer)
        if purse is None:
            return "WALLET_UNKNOWN", False
        if purse.is_frozen:
            return "WALLET_FROZEN", False
        if purse.available < amount:
            return "INSUFFICIENT_BALANCE", False
        self.pledges[name] = Pledge(payer, payee, amount, ends_as)
        return self._write("hold", key, (payer, payee, amount), name, {payer: (-amount, amount, 0, 0)}, {})

    def close(self, name: str, key: str, hold: str, settle: int, refund: int, fee_bps: int, *, late: bool) -> Answer:
        inputs = (hold, settle, refund, fee_bps, late)
        known = self._known("close", key, *inputs)
        if known:
            return known
        pledge = self.pledges.get(hold)
        if pledge is None:
            return "NOT_FOUND", False
        if not pledge.is_open:
            return "HOLD_CLOSED", False
        if settle < 0 or refund < 0 or settle + refund != pledge.amount:
            return "SPLIT_MISMATCH", False
        payer, payee = self.people[pledge.payer], self.people.get(pledge.payee)
        if settle and (payer.is_frozen or (payee is not None and payee.is_frozen)):
            return "WALLET_FROZEN", False
        fee = settle * fee_bps // 10_000 if payee is not None else 0
        arrives, pays = payer.take_in(refund)
        people, house = {pledge.payer: (arrives, -pledge.amount, 0, -pays)}, {"revenue": fee}
        if payee is None:
            house[pledge.payee] = house.get(pledge.payee, 0) + settle
        elif settle > fee:
            earns, repays = payee.take_in(settle - fee)
            people[pledge.payee] = (0, 0, earns, -repays)
        pledge.is_open = False
        kind = "expire" if late else "refund" if settle == 0 else "split" if refund else "settle"
        return self._write("close", key, inputs, name, people, house, kind)

    def credit(self, name: str, kind: str, key: str, owner: str, house: str, amount: int) -> Answer:
        known = self._known(kind, key, owner, house, amount)
        if known:
            return known
        purse = self.people.get(owner)
        if purse is None:
            return "WALLET_UNKNOWN", False
        if purse.is_frozen:
            return "WALLET_FROZEN", False
        arrives, pays = purse.take_in(amount)
        return self._write(kind, key, (owner, house, amount), name, {owner: (arrives, 0, 0, -pays)}, {house: -amount})

    def reverse(self, name: str, target: str) -> Answer:
        known = self._known("reverse", target, target)
        if known:
            return known
        done = self.moved.get(target)
        if done is None:
            return "NOT_FOUND", False
        undoable = ("deposit", "award", "settle", "split", "chargeback", "write_off")
        if done.kind not in undoable or done.is_undone:
            return "INVALID_TRANSITION", False
        if done.kind == "chargeback":
            self._unforgive(name, target)
            for each in self.moved.values():
                if each.taken_by == target:
                    each.taken_by, each.is_undone = None, False
        people = {}
        for who, (available, held, earned, owed) in done.people.items():
            purse = self.people[who]
            gives, earns, owes = -available - held, -earned, -owed
            if purse.owed + owes < 0:
                gives, owes = gives - (purse.owed + owes), -purse.owed
            pays = min(purse.owed + owes, max(purse.available + gives, 0))
            gives, owes = gives - pays, owes - pays
            pays = min(purse.owed + owes, max(earns, 0))
            earns, owes = earns - pays, owes - pays
            if purse.available + gives < 0 or purse.earned + earns < 0:
                return "INSUFFICIENT_BALANCE", False
            people[who] = (gives, 0, earns, owes)
        done.is_undone = True
        house = {account: -amount for account, amount in done.house.items()}
        return self._write("reverse", target, (target,), name, people, house)

    def charge_back(self, name: str, target: str) -> Answer:
        done = self.moved.get(target)
        if done is None:
            return "NOT_FOUND", False
        if done.taken_by is not None:
            return None, True
        if done.kind != "deposit" or done.is_undone:
            return "INVALID_TRANSITION", False
        ((who, _),) = done.people.items()
        ((account, given),) = done.house.items()
        purse, amount = self.people[who], -given
        takes = min(purse.available, amount)
        earns = min(purse.earned, amount - takes)
        done.is_undone, done.taken_by = True, name
        return self._write(
            "chargeback",
            target,
            (target,),
            name,
            {who: (-takes, 0, -earns, amount - takes - earns)},
            {account: amount},
        )

    def _unforgive(self, name: str, chargeback: str) -> None:
        """Undo write-offs later than a chargeback, the newest first, until its debt is there again; no more than it."""
        ((who, (_, _, _, debt)),) = self.moved[chargeback].people.items()
        purse, order = self.people[who], list(self.moved)
        later = [each for each in order[order.index(chargeback) :] if who in self.moved[each].people]
        for each in reversed([each for each in later if self.moved[each].kind == "write_off"]):
            if purse.owed >= debt or self.moved[each].is_undone:
                continue
            self.moved[each].is_undone = True
            amount = -self.moved[each].people[who][3]
            self._write("reverse", each, (each,), f"{each}-back", {who: (0, 0, 0, amount)}, {"losses": amount})
            beyond = max(purse.owed - debt, 0)
            if beyond:
                people = {who: (0, 0, 0, -beyond)}
                self._write("write_off", f"rest:{name}", (), f"rest-{name}", people, {"losses": -beyond})

    def write_off(self, name: str, key: str, owner: str, amount: int) -> Answer:
        known = self._known("write_off", key, owner, amount)
        if known:
            return known
        purse = self.people.get(owner)
        if purse is None:
            return "WALLET_UNKNOWN", False
        if purse.owed < amount:
            return "INSUFFICIENT_BALANCE", False
        return self._write("write_off", key, (owner, amount), name, {owner: (0, 0, 0, -amount)}, {"losses": -amount})

    def ask_payout(self, name: str, key: str, owner: str, amount: int, minimum: int) -> Answer:
        known = self._known("payout", key, owner, amount)
        if known:
            return known
        purse = self.people.get(owner)
        if purse is None:
            return "WALLET_UNKNOWN", False
        if purse.is_frozen:
            return "WALLET_FROZEN", False
        if amount < minimum:
            return "PAYOUT_TOO_SMALL", False
        if purse.earned - purse.owed < amount:
            return "INSUFFICIENT_BALANCE", False
        self.payouts[name] = (owner, amount, "requested")
        return self._write("payout", key, (owner, amount), name, {owner: (0, 0, -amount, 0)}, {"payouts": amount})

    def decide_payout(self, payout: str, *, approve: bool) -> Answer:
        """Everything is decided by the same person."""
        if payout not in self.payouts:
            return "NOT_FOUND", False
        owner, amount, status = self.payouts[payout]
        wanted = "approved" if approve else "rejected"
        if status != "requested":
            return (None, True) if status == wanted else ("APPROVAL_CLOSED", False)
        self.payouts[payout] = (owner, amount, wanted)
        if not approve:
            arrives, pays = self.people[owner].take_in(amount)
            self._write(
                "payout_reject", payout, (payout,), f"{payout}-back", {owner: (0, 0, arrives, -pays)},
                {"payouts": -amount},
            )  # fmt: skip
        return None, False

    def _known(self, scope: str, key: str, *inputs: object) -> Answer | None:
        first = self.keys.get((scope, key))
        if first is None:
            return None
        return (None, True) if first == inputs else ("IDEMPOTENCY_KEY_REUSED", False)

    def _write(
        self,
        scope: str,
        key: str,
        inputs: tuple[object, ...],
        name: str,
        people: dict[str, tuple[int, int, int, int]],
        house: dict[str, int],
        kind: str = "",
    ) -> Answer:
        for who, (available, held, earned, owed) in people.items():
            purse = self.people[who]
            purse.available, purse.held = purse.available + available, purse.held + held
            purse.earned, purse.owed = purse.earned + earned, purse.owed + owed
        self.house.update(house)
        self.keys[scope, key] = inputs
        self.moved[name] = Moved(
            kind or scope, people, {account: amount for account, amount in house.items() if amount}
        )
        return None, False
