"""Asking RedRoomRewards for operations that are due: claim them, ask for all at once, no transaction open."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from core.db import array, command, rows
from loyalty.client import Applied, Credit, Deduct, Earn, LoyaltyClient, breaker, run
from loyalty.client.values import Body
from loyalty.errors import KEY_MISMATCH, KeyMismatch, LoyaltyUnavailable, OutcomeUnknown, RemoteRefusal
from loyalty.models import OperationKind
from loyalty.services.ledgers import taken_under
from loyalty.services.operations import patience_s

AT_ONCE = 64
DEAD_AFTER = timedelta(hours=24)
PATHS = {
    OperationKind.DEDUCT: Deduct.path,
    OperationKind.EARN_REVERSAL: Deduct.path,
    OperationKind.CREDIT: Credit.path,
    OperationKind.REFUND: Credit.path,
    OperationKind.EARN: Earn.path,
}

CLAIM = """
WITH due AS MATERIALIZED (
    SELECT o.id FROM loyalty_remoteoperation o
     WHERE o.state IN ('open', 'unknown') AND o.due_at <= core_now() AND (o.kind = 'deduct') = %(deducts)s
       AND NOT EXISTS (SELECT FROM loyalty_remoteoperation e  -- what an order earned comes before its reversal
                        WHERE o.kind = 'earn_reversal' AND e.key = 'order-' || o.source || '-earn'
                          AND e.state IN ('open', 'unknown', 'dead'))
     ORDER BY o.due_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE loyalty_remoteoperation o
   SET attempts = o.attempts + 1, asked_at = core_now(), due_at = core_now() + make_interval(secs => %(lease_s)s)
  FROM due WHERE o.id = due.id
RETURNING o.id, o.user_id, o.kind, o.amount, o.key, o.source, o.body::text AS body, o.attempts, o.request_id,
          o.error, o.created_at, o.asked_at,
          coalesce(o.retried_at, o.created_at) < core_now() - %(dead_after)s::interval AS is_last
"""
KNOW = """
INSERT INTO loyalty_knownbalance (user_id, balance, as_of)
SELECT n.user_id, n.balance, n.as_of
  FROM unnest(%(users)s::uuid[], %(balances)s::bigint[], %(times)s::timestamptz[]) AS n (user_id, balance, as_of)
 ORDER BY n.user_id
    ON CONFLICT (user_id) DO UPDATE SET balance = excluded.balance, as_of = excluded.as_of
 WHERE loyalty_knownbalance.as_of < excluded.as_of
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A claimed operation. `asked_at`: the time of the claim; whoever dies after it, others ask again a while later.

    `error`: its last fault. `is_last`: it was tried for a day, and this is its last time.
    """

    id: UUID
    user_id: UUID
    kind: OperationKind
    amount: int
    key: str
    source: str
    body: Body
    attempts: int
    request_id: str
    error: str
    created_at: datetime
    asked_at: datetime
    is_last: bool

    @property
    def is_looked_up(self) -> bool:
        """Whether its key is another request's over there: it is not sent again, their ledger tells what it took."""
        return self.kind == OperationKind.DEDUCT and self.error == KEY_MISMATCH


@dataclass(frozen=True, slots=True)
class Taken:
    """What a deduct's key has taken by RedRoomRewards' ledger, where another request holds it: 0 for nothing."""

    points: int


Result = Applied | Taken | RemoteRefusal | OutcomeUnknown | LoyaltyUnavailable


def claim(*, deducts: bool) -> list[Due]:
    """Claim what is due, the oldest first: deducts, or what the outbox sends; nothing while the breaker is open.

    A claim moves `due_at` behind the time that asking may take, and is committed at once. Skips locked rows.
    """
    room = breaker.room
    most = AT_ONCE if room is None else room
    if most == 0:
        return []
    params = {"deducts": deducts, "most": most, "lease_s": patience_s(), "dead_after": DEAD_AFTER}
    found = command(lambda: rows(CLAIM, params))
    return [Due(**{**row, "kind": OperationKind(row["kind"]), "body": orjson.loads(row["body"])}) for row in found]


def ask(due: Sequence[Due]) -> list[Result]:
    """Ask for all of them at once, each with its key and body, and return their results in their order.

    A deduct whose key is another request's is looked up instead; while the ledger is not read that stays its result.
    """

    async def all_at_once(client: LoyaltyClient) -> list[Result]:
        return await asyncio.gather(*[_asked(client, each) for each in due])

    return run(all_at_once)


async def _asked(client: LoyaltyClient, due: Due) -> Result:
    if due.is_looked_up:
        return await _looked_up(client, due)
    try:
        return await client.change(PATHS[due.kind], due.body, key=due.key, trace=due.request_id)
    except (RemoteRefusal, OutcomeUnknown, LoyaltyUnavailable) as instead:
        return instead


async def _looked_up(client: LoyaltyClient, due: Due) -> Result:
    try:
        return Taken(await taken_under(client, due.key, user_id=due.user_id, since=due.created_at))
    except (RemoteRefusal, LoyaltyUnavailable):
        return KeyMismatch()


def know(balances: Sequence[tuple[UUID, int, datetime]]) -> None:
    """Note balances that RedRoomRewards has said, each with its time; an older one changes nothing (one statement)."""
    newest = {user_id: (balance, at) for user_id, balance, at in sorted(balances, key=lambda each: each[2])}
    if newest:
        params = {
            "users": array(list(newest)),
            "balances": array([balance for balance, _ in newest.values()]),
            "times": array([at.isoformat() for _, at in newest.values()]),
        }
        command(lambda: rows(KNOW + " RETURNING 1", params))
