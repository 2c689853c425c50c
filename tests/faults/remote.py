"""Spins whose points live elsewhere, by many users at once, and what both sides say of them afterwards."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import psycopg

from tests.stack.processes import until
from xxxchat.stack import Stack

BET = 100
POINTS = 1_000_000
PAUSE_S = 0.1
TRIES = 1_200
MAKE = """
import json
from bench.people import token_of
from loyalty.models import Link
from tests.world import people
made = people({count})
Link.objects.bulk_create(Link(user=user, member_id=f"member-{{user.pk}}") for user in made)
print(json.dumps([[str(user.pk), token_of(user)] for user in made]))
"""
SPINS = "SELECT id::text, user_id::text, payout FROM slots_spin WHERE user_id = ANY(%s)"
OPERATIONS = "SELECT key, kind, amount, state, user_id::text FROM loyalty_remoteoperation WHERE user_id = ANY(%s)"
OPEN_INTENTS = "SELECT count(*) FROM slots_spinintent WHERE state = 'open'"
WAITING = "SELECT count(*) FROM loyalty_remoteoperation WHERE state IN ('open', 'unknown')"
CLEARING = "SELECT coalesce(sum(d_available), 0)::bigint FROM escrow_entry WHERE house = 'loyalty_clearing'"
SIGNS = {"deduct": -1, "earn_reversal": -1, "credit": 1, "refund": 1, "earn": 1}
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Player:
    """A user linked on both sides, and a token that outlives the test."""

    user_id: str
    token: str = field(repr=False)

    @property
    def member(self) -> dict[str, Any]:
        """The member over there."""
        member_id = f"member-{self.user_id}"
        return {"memberId": member_id, "proof": member_id, "balance": POINTS, "clientUserId": self.user_id}


def players(stack: Stack, count: int) -> list[Player]:
    """Make users who are linked here; the stand-in is told by `Player.member`."""
    done = stack.manage("shell", "--verbosity", "0", "-c", MAKE.format(count=count))
    return [Player(*each) for each in json.loads(done.stdout.splitlines()[-1])]


@dataclass
class Play:
    """Each player spins so many times, one after the other; a spin is asked for with its key until it is answered."""

    url: str
    spins_each: int
    pause_s: float = PAUSE_S
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)

    def run(self, who: Sequence[Player], meanwhile: Iterable[tuple[int, Callable[[], None]]]) -> float:
        """Play to the end and return the seconds; of `meanwhile`, each runs once so many spins are answered."""
        began = time.monotonic()
        with ThreadPoolExecutor(len(who)) as pool:
            running = [pool.submit(self._play, player) for player in who]
            for count, action in meanwhile:
                until(partial(self._is_ready, count, running), within_s=600)
                action()
            for each in running:
                each.result()
        return time.monotonic() - began

    def _is_ready(self, count: int, running: Sequence[Future[None]]) -> bool:
        """Whether so many are answered, or a player has ended by an error; some are done long before others."""
        return len(self.answers) >= count or any(each.done() and each.exception() for each in running)

    def _play(self, player: Player) -> None:
        headers = {"Authorization": f"Bearer {player.token}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=15) as client:
            for _ in range(self.spins_each):
                key = str(uuid.uuid4())
                self.answers[key] = self._spin(client, key)

    def _spin(self, client: httpx.Client, key: str) -> dict[str, Any]:
        for _ in range(TRIES):
            try:
                answer = client.post(
                    "/api/v1/slot-machine/spin", json={"betAmount": BET}, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError as error:
                self.troubles[type(error).__name__] += 1
            else:
                if answer.status_code == 200:
                    spin: dict[str, Any] = answer.json()
                    return spin
                code = answer.json()["error"]["code"] if "json" in answer.headers.get("Content-Type", "") else ""
                self.troubles[f"{answer.status_code} {code}".strip()] += 1
                assert answer.status_code in (409, 502, 503), answer.text
                assert answer.status_code != 409 or code == "REQUEST_IN_PROGRESS", answer.text
            threading.Event().wait(self.pause_s)
        raise AssertionError(f"{key} was never answered: {self.troubles}")


@dataclass(frozen=True)
class Books:
    """What is stored of some players: their spins and changes over there; and, of everybody, what is on its way."""

    spins: Rows
    operations: Rows
    open_intents: int
    waiting: int
    clearing: int

    @classmethod
    def read(cls, stack: Stack, who: Sequence[Player]) -> "Books":
        with psycopg.connect(stack.database_url, autocommit=True) as database:

            def rows(sql: str, *values: Any) -> Rows:
                return database.execute(sql.encode(), values).fetchall()

            ids = [player.user_id for player in who]
            return cls(
                spins=rows(SPINS, ids),
                operations=rows(OPERATIONS, ids),
                open_intents=int(rows(OPEN_INTENTS)[0][0]),
                waiting=int(rows(WAITING)[0][0]),
                clearing=int(rows(CLEARING)[0][0]),
            )

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way."""
        return self.open_intents == self.waiting == 0

    @property
    def net(self) -> Counter[str]:
        """What the spins won and lost, by user."""
        found: Counter[str] = Counter()
        for _, user_id, payout in self.spins:
            found[user_id] += payout - BET
        return found

    def carried_out(self) -> dict[str, int]:
        """The changes that happened over there, by key, as we have them: points and their sign."""
        happened = ("confirmed", "compensated")
        return {key: SIGNS[kind] * amount for key, kind, amount, state, _ in self.operations if state in happened}

    def due(self) -> dict[str, int]:
        """The changes that the stored spins, and the deducts that became none, are worth, by key."""
        found: dict[str, int] = {}
        for spin_id, _, payout in self.spins:
            found[f"spin-{spin_id}-deduct"] = -BET
            if payout:
                found[f"spin-{spin_id}-credit"] = payout
        for key, kind, amount, state, _ in self.operations:
            if kind == "deduct" and state == "compensated":
                found |= {key: -amount, key.replace("-deduct", "-refund"): amount}
        return found
