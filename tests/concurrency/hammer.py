"""The jack-hammer: `python -m tests.concurrency.hammer <operations> <seed,…> <wallet owners…>`.

A process for each seed opens a connection of its own and moves money at random over the wallets given, in lists, with
keys that other processes use too. Each prints its results by kind and code, a line of JSON. What is unexpected ends it
badly, and its seed is named. They are forked from one that has loaded the product.
"""

import json
import multiprocessing
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any
from uuid import UUID

import django

BUSY_TRIES = 50
USED = ("core.clock", "core.db", "escrow.services.adjustments", "perfqueue.services")


def main(operations: int, seeds: list[int], owners: list[UUID]) -> int:
    """Run a process for each seed; return how many ended badly."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
    django.setup()
    for module in USED:
        import_module(module)
    fork = multiprocessing.get_context("fork")
    running = {seed: fork.Process(target=hammer, args=(seed, operations, owners)) for seed in seeds}
    for process in running.values():
        process.start()
    for process in running.values():
        process.join()
    bad = [seed for seed, process in running.items() if process.exitcode]
    print(*(f"seed {seed} ended badly" for seed in bad), file=sys.stderr)
    return len(bad)


def hammer(seed: int, operations: int, owners: list[UUID]) -> None:
    from django.db import connection

    try:
        line = json.dumps(Hammer(seed, owners).run(operations)) + "\n"
        os.write(sys.stdout.fileno(), line.encode())  # in one piece: print may write the end of the line by itself
    finally:
        connection.close()


class Hammer:
    """Random operations; `counts` has them as `kind code`, a replay as `kind replayed`."""

    def __init__(self, seed: int, owners: list[UUID]) -> None:
        self.random = random.Random(seed)
        self.owners = owners
        self.counts: Counter[str] = Counter()
        self.moved: list[UUID] = []
        self.bought: list[tuple[UUID, UUID]] = []
        self.holds: list[tuple[UUID, int]] = []
        self.payouts: list[UUID] = []

    def run(self, operations: int) -> dict[str, int]:
        actions = [self.deposits, *[self.holds_and_closes] * 4, *[self.undoes] * 2, self.pays_out, self.forgives]
        while sum(self.counts.values()) < operations:
            self.random.choice(actions)()
        return dict(self.counts)

    def call(self, kind: str, work: Callable[[], list[Any]]) -> list[Any]:
        from core.db import command
        from core.errors import QueueBusy

        for _ in range(BUSY_TRIES):
            try:
                done = command(work)
            except QueueBusy:
                continue
            for each in done:
                self.counts[f"{kind} {'replayed' if each.replayed else each.code or 'done'}"] += 1
            return done
        raise AssertionError(f"{kind}: a lock was never had")

    def some(self) -> list[UUID]:
        return self.random.sample(self.owners, self.random.randint(1, 3))

    def deposits(self) -> None:
        from core.ids import new_id
        from escrow.services import Currency, Deposit, House
        from escrow.services.operations import deposit_many

        shared = self.random.random() < 0.3  # a key that every process uses, always for the same thing
        requests = []
        for owner in self.some():
            number = self.random.randint(1, 10 if shared else 60)  # few, so that even a short run meets some again
            key = f"shared-{owner}-{number}" if shared else str(new_id())
            requests.append(Deposit(key, owner, Currency.TOKEN, number, House.SALES))
        done = self.call("deposit", lambda: deposit_many(requests))
        fresh = [
            (each.operation_id, wanted.owner_id)
            for each, wanted in zip(done, requests, strict=True)
            if not each.replayed
        ]
        self.moved += [operation for operation, _ in fresh]
        self.bought += fresh

    def holds_and_closes(self) -> None:
        from core.ids import new_id
        from escrow.services import Currency, HoldRequest, House, Payee
        from escrow.services.operations import hold_many

        requests = []
        for payer in self.some():
            other = self.random.choice([owner for owner in self.owners if owner != payer])
            payee = Payee(other) if self.random.random() < 0.4 else Payee(house=House.REVENUE)
            amount = self.random.randint(1, 120)
            requests.append(HoldRequest(new_id(), str(new_id()), payer, payee, Currency.TOKEN, amount, "hammer"))
        opened = self.call("hold", lambda: hold_many(requests))
        fresh = [(wanted, each.hold_id) for wanted, each in zip(requests, opened, strict=True) if each.code is None]
        for wanted, hold_id in fresh:
            self.close(wanted, hold_id, self.random.randint(1, wanted.amount))

    def close(self, wanted: Any, hold_id: UUID, settle: int) -> None:
        """The item that says so, and its settlement, in one transaction."""
        from core.clock import db_now
        from core.ids import new_id
        from escrow.services import Close, close_many
        from perfqueue.models import Fulfilment, QueueItem

        def work() -> list[Any]:
            now = db_now()
            item = QueueItem(
                user_id=wanted.payer_id, hold_id=hold_id, tokens=wanted.amount, currency="TOKEN", title="t",
                fulfilment=Fulfilment.INSTANT, source_feature="hammer", idempotency_key=str(new_id()), created_at=now,
            )  # fmt: skip
            item.start(now=now, deadline_at=None)
            item.finish(now=now, settle=settle, refund=wanted.amount - settle)
            item.save(force_insert=True)
            return close_many([Close(str(hold_id), hold_id, settle, wanted.amount - settle, 777)])

        done = self.call("close", work)
        self.moved += [each.operation_id for each in done if each.code is None]

    def undoes(self) -> None:
        from escrow.services.adjustments import Reversal, chargeback_many, reverse_many

        if not self.moved:
            return
        chosen = [Reversal(self.random.choice(self.moved)) for _ in range(self.random.randint(1, 3))]
        if self.random.random() < 0.5:
            self.call("reverse", lambda: reverse_many(chosen))
        else:
            self.call("chargeback", lambda: chargeback_many(chosen))

    def pays_out(self) -> None:
        from core.ids import new_id
        from escrow.services.adjustments import (
            PayoutDecision,
            PayoutRequest,
            decide_payouts,
            request_payouts,
        )

        if self.payouts and self.random.random() < 0.5:
            decision = PayoutDecision(self.random.choice(self.payouts), self.random.random() < 0.5, UUID(int=1))
            self.call("decide", lambda: decide_payouts([decision]))
            return
        wanted = PayoutRequest(new_id(), str(new_id()), self.random.choice(self.owners), self.random.randint(1, 30))
        (done,) = self.call("payout", lambda: request_payouts([wanted], minimum=5))
        if done.code is None:
            self.payouts.append(wanted.payout_id)

    def forgives(self) -> None:
        """Take a payment back and, in the same transaction, give up one token of what is owed then, if anything is."""
        from core.ids import new_id
        from escrow.services import Currency
        from escrow.services.adjustments import (
            Reversal,
            WriteOff,
            chargeback_many,
            write_off_many,
        )

        if not self.bought:
            return
        operation, owner = self.bought.pop()
        key = str(new_id())

        def work() -> list[Any]:
            taken = chargeback_many([Reversal(operation)])
            forgiven.extend(write_off_many([WriteOff(key, owner, Currency.TOKEN, 1)]))
            return taken

        forgiven: list[Any] = []
        self.call("chargeback", work)
        self.counts[f"write_off {forgiven[-1].code or 'done'}"] += 1


if __name__ == "__main__":
    sys.exit(
        main(int(sys.argv[1]), [int(seed) for seed in sys.argv[2].split(",")], [UUID(each) for each in sys.argv[3:]])
    )
