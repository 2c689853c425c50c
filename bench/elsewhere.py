"""The load `spins loyalty`: spins that RedRoomRewards pays, on a stack of their own.

RedRoomRewards is its stand-in, a part of that stack, which takes 20 ms for each call as a server elsewhere would. Once
nothing is on its way any more, its points are compared with the ledger's.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg

from bench import world
from bench.queues import Queues
from loyalty.standin.steering import Steering
from xxxchat.stack import Stack

SETTINGS = {"LOYALTY_BACKEND": "redroomrewards", "RRR_BASE_URL": ""}
LATENCY_MS = 20
MOST_BUYERS = 3_000
"""Who spins waits 2.5 s for the next turn, so this is enough for 1,200 spins a second."""
POINTS = 1_000_000
SETTLED_WITHIN_S, LOOK_EVERY_S = 120.0, 0.25
LINK = """
INSERT INTO loyalty_link (id, user_id, member_id)
SELECT gen_random_uuid(), id, 'member-' || id FROM accounts_user WHERE username LIKE 'bench%'
RETURNING member_id, user_id::text
"""
ON_THEIR_WAY = """
SELECT (SELECT count(*) FROM slots_spinintent WHERE state = 'open')
     + (SELECT count(*) FROM loyalty_remoteoperation WHERE state IN ('open', 'unknown'))
"""
BOOKS = """
SELECT (SELECT coalesce(sum(d_available), 0)::bigint FROM escrow_entry WHERE house = 'loyalty_clearing'),
       (SELECT count(*) FROM loyalty_remoteoperation WHERE state = 'dead')
"""


@dataclass(frozen=True)
class Elsewhere:
    """A running stack whose buyers' points live in the stand-in."""

    stack: Stack
    queues: Queues
    standin: Steering

    def adds_up(self) -> bool:
        """Wait until nothing is on its way; return whether both sides have the same points, else print what."""
        with psycopg.connect(self.stack.database_url, autocommit=True) as database:
            ends = time.monotonic() + SETTLED_WITHIN_S
            while (waiting := database.execute(ON_THEIR_WAY).fetchone()) != (0,) and time.monotonic() < ends:
                time.sleep(LOOK_EVERY_S)  # the worker sends the credits; nothing tells when it is done
            clearing, dead = database.execute(BOOKS).fetchone() or (0, 0)
        there = sum(entry["pointsDelta"] for entry in self.standin.entries() if entry["type"] != "adjustment")
        if waiting == (0,) and dead == 0 and clearing == there:
            return True
        facts = f"on their way {waiting}, dead {dead}, points moved here {clearing}, there {there}"
        print(f"RedRoomRewards and the ledger differ: {facts}", file=sys.stderr, flush=True)
        return False


@contextmanager
def started(stack: Stack, *, buyers: int) -> Iterator[Elsewhere]:
    """Make the people of a running stack, link them on both sides, and slow the stand-in down."""
    people = world.made_apart(stack.environment, buyers=buyers, performers=0)
    with closing(Steering(stack.environment["RRR_BASE_URL"])) as standin:
        with psycopg.connect(stack.database_url, autocommit=True) as database:
            links = database.execute(LINK).fetchall()
        standin.put_members([_member(*link) for link in links])
        standin.fault("latency", ms=LATENCY_MS)
        yield Elsewhere(stack, Queues(stack.url, stack.database_url, people), standin)


def _member(member_id: str, user_id: str) -> dict[str, str | int]:
    return {"memberId": member_id, "proof": member_id, "balance": POINTS, "clientUserId": user_id}
