"""What other systems read afterwards: paid orders, their reversals, settlements, what went through clearing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db
from core.db import array
from escrow.models import Currency, House

ORDERS = """
SELECT d.id, d.user_id, d.tokens FROM escrow_order d
 WHERE d.id > %(after)s AND d.id < %(before)s ORDER BY d.id LIMIT %(limit)s
"""
REVERSALS = """
SELECT o.id, d.id AS order_id FROM escrow_operation o JOIN escrow_order d ON d.deposit_id = o.reverses_id
 WHERE o.id > %(after)s AND o.id < %(before)s ORDER BY o.id LIMIT %(limit)s
"""
SETTLEMENTS = """
SELECT o.id, h.payer_id AS user_id, h.captured AS tokens
  FROM escrow_operation o JOIN escrow_hold h ON h.id = o.hold_id
 WHERE o.id > %(after)s AND o.id < %(before)s AND o.kind IN ('settle', 'split')
   AND h.feature = %(feature)s AND h.currency = %(currency)s AND h.captured > 0
 ORDER BY o.id LIMIT %(limit)s
"""
CLEARED = """
SELECT o.key, w.owner_id, h.d_available AS points, h.at
  FROM escrow_wallet w
  JOIN escrow_entry e ON e.wallet_id = w.id AND e.line = 1 AND e.at < %(until)s
   AND e.version > coalesce((SELECT x.version FROM escrow_entry x WHERE x.wallet_id = w.id AND x.at < %(since)s
                              ORDER BY x.version DESC LIMIT 1), 0)
  JOIN escrow_entry h ON h.operation_id = e.operation_id AND h.line = 2 AND h.house = %(house)s
  JOIN escrow_operation o ON o.id = e.operation_id
 WHERE w.owner_id = ANY (%(owners)s::uuid[]) AND w.currency = %(currency)s
"""
CLEARED_BY_KEY = """
SELECT o.key, w.owner_id, h.d_available AS points, h.at
  FROM escrow_operation o
  JOIN escrow_entry e ON e.operation_id = o.id AND e.line = 1
  JOIN escrow_entry h ON h.operation_id = o.id AND h.line = 2 AND h.house = %(house)s
  JOIN escrow_wallet w ON w.id = e.wallet_id
 WHERE o.scope IN ('deposit', 'withdraw') AND o.key = ANY (%(keys)s::text[]) AND h.currency = %(currency)s
"""
CLEARING = {"house": House.LOYALTY_CLEARING.value, "currency": Currency.POINT.value}


@dataclass(frozen=True)
class PaidOrder:
    """An order that was paid, whatever became of it."""

    id: UUID
    user_id: UUID
    tokens: int


@dataclass(frozen=True)
class ReversedOrder:
    """The operation `id` took an order's tokens back: a chargeback, or staff's correction."""

    id: UUID
    order_id: UUID


@dataclass(frozen=True)
class Settlement:
    """The operation `id` paid `tokens` of a user's hold to its payee."""

    id: UUID
    user_id: UUID
    tokens: int


@dataclass(frozen=True)
class Cleared:
    """Points that the clearing account gained by one operation (below zero: gave), by the key of its hold."""

    key: str
    owner_id: UUID
    points: int
    at: datetime


def paid_orders(*, after: UUID, before: UUID, limit: int) -> list[PaidOrder]:
    """Orders with an id between two, in their order (one statement)."""
    return [PaidOrder(**row) for row in db.rows(ORDERS, _page(after, before, limit))]


def reversed_orders(*, after: UUID, before: UUID, limit: int) -> list[ReversedOrder]:
    """What took the tokens of orders back, by operations between two ids, in their order (one statement)."""
    return [ReversedOrder(**row) for row in db.rows(REVERSALS, _page(after, before, limit))]


def settlements(*, feature: str, after: UUID, before: UUID, limit: int) -> list[Settlement]:
    """Settlements of a feature's token holds, by operations between two ids, in their order (one statement)."""
    page = _page(after, before, limit) | {"feature": feature, "currency": Currency.TOKEN.value}
    return [Settlement(**row) for row in db.rows(SETTLEMENTS, page)]


def cleared(owner_ids: Sequence[UUID], *, since: datetime, until: datetime) -> list[Cleared]:
    """What people's spins moved through `loyalty_clearing` in that time (one statement)."""
    span = {"owners": array(owner_ids), "since": since, "until": until}
    return [Cleared(**row) for row in db.rows(CLEARED, CLEARING | span)]


def cleared_by_key(keys: Sequence[str]) -> list[Cleared]:
    """What moved through `loyalty_clearing` for holds with these keys, whenever that was (one statement)."""
    return [Cleared(**row) for row in db.rows(CLEARED_BY_KEY, CLEARING | {"keys": array(keys)})]


def _page(after: UUID, before: UUID, limit: int) -> dict[str, Any]:
    return {"after": after, "before": before, "limit": limit}
