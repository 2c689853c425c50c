"""A user's points as RedRoomRewards says them: asked for every few seconds at most, the last known while it is away.

Our ledger is never asked: points only pass through it.
"""

import asyncio
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from core.clock import db_now
from core.db import rows
from loyalty import client
from loyalty.client import LoyaltyClient
from loyalty.errors import LoyaltyUnavailable, OutcomeUnknown, RemoteRefusal
from loyalty.models import KnownBalance
from loyalty.services.asking import know

FRESH = timedelta(seconds=5)
AWAY_S = 3.0
"""After an ask that failed: seconds in which this process shows what is known and does not ask."""
MOST_ASKING = 2
"""Threads of a process that may wait for a balance at once; the others show what is known."""
KNOWN = """
SELECT l.user_id IS NOT NULL AS is_linked,
       CASE WHEN last.closed_at > k.as_of OR k.as_of IS NULL THEN last.new_balance ELSE k.balance END AS balance,
       greatest(k.as_of, last.closed_at) AS as_of,
       (SELECT coalesce(sum(o.amount), 0)::bigint FROM loyalty_remoteoperation o
         WHERE o.user_id = one.id AND o.kind IN ('credit', 'refund') AND o.state IN ('open', 'unknown'))
     + (SELECT coalesce(sum(o.amount), 0)::bigint FROM loyalty_remoteoperation o
         WHERE o.user_id = one.id AND o.kind IN ('credit', 'refund') AND o.state = 'dead') AS pending
  FROM (SELECT %(user)s::uuid AS id) one
  LEFT JOIN loyalty_link l ON l.user_id = one.id AND l.unlinked_at IS NULL
  LEFT JOIN loyalty_knownbalance k ON k.user_id = l.user_id
  LEFT JOIN LATERAL (
       SELECT o.new_balance, o.closed_at FROM loyalty_remoteoperation o
        WHERE o.user_id = l.user_id AND o.new_balance IS NOT NULL AND o.closed_at >= l.linked_at
        ORDER BY o.id DESC LIMIT 1) last ON true
"""
"""Of the balance that was asked for and that after the newest change, such as a spin's, the later one."""
_asking = threading.BoundedSemaphore(MOST_ASKING)
_asks_again_at = 0.0


@dataclass(frozen=True)
class PointsView:
    """A user's points: the balance there with the time it was asked for, None if none is known.

    `pending`: points won or given back that RedRoomRewards has not confirmed yet. `is_away`: no answer just now.
    """

    is_linked: bool
    balance: int | None
    as_of: datetime | None
    pending: int
    is_away: bool = False


def known_points(user_id: UUID) -> PointsView:
    """Return what is known of a user's points, without asking (one statement). Of who is not linked nothing is."""
    return PointsView(**rows(KNOWN, {"user": user_id})[0])


def points_now(user_id: UUID) -> PointsView:
    """Return a user's points; ask RedRoomRewards if they are older than `FRESH`, outside of any transaction.

    While it is away, or too many ask already, what is known is returned at once.
    """
    known, now = known_points(user_id), db_now()
    if not known.is_linked or (known.as_of is not None and now - FRESH <= known.as_of <= now):
        return known
    answered = refresh_balance(user_id)
    if answered is None:
        return replace(known, is_away=True)
    balance, as_of = answered
    return replace(known, balance=balance, as_of=as_of)


def ask_again() -> None:
    """Forget that the last ask of this process failed."""
    global _asks_again_at
    _asks_again_at = 0.0


def refresh_balance(user_id: UUID) -> tuple[int, datetime] | None:
    """Ask for a user's balance, once, and note it with the time it was asked for; return None without an answer."""
    global _asks_again_at
    if time.monotonic() < _asks_again_at or not _asking.acquire(blocking=False):
        return None
    try:
        asked_at = db_now()
        balance = client.run(lambda asked: _balance(asked, user_id))
    except (LoyaltyUnavailable, OutcomeUnknown, TimeoutError):
        _asks_again_at = time.monotonic() + AWAY_S
        return None
    except RemoteRefusal:
        return None  # it answers, and knows no such user (any more)
    finally:
        _asking.release()
    know([(user_id, balance, asked_at)])
    return balance, asked_at


async def _balance(asked: LoyaltyClient, user_id: UUID) -> int:
    async with asyncio.timeout(settings.RRR_TRY_TIMEOUT_S):
        return (await asked.balance(user_id)).balance


def forget_balance(user_id: UUID) -> None:
    """Delete what is known of a user's balance: it is another's, or nobody's, from now on."""
    KnownBalance.objects.filter(user_id=user_id).delete()
