"""A performer's earnings: her balance, her payouts, and what was settled to her recently."""

from dataclasses import dataclass
from uuid import UUID

from core import db
from core.errors import NotFound


@dataclass(frozen=True)
class Settled:
    """Tokens settled to a performer, and in how many operations."""

    tokens: int
    count: int


@dataclass(frozen=True)
class Earnings:
    """A performer's money, in whole tokens."""

    earned: int
    owed: int
    payouts_pending: int
    paid_out: int
    last_24_hours: Settled
    last_7_days: Settled
    last_30_days: Settled


SUMS = """
WITH w AS (SELECT * FROM escrow_wallet WHERE owner_id = %(performer)s AND currency = 'TOKEN'),
     recent AS (
        SELECT e.at, e.d_earned - e.d_owed AS settled FROM w
          JOIN escrow_entry e ON e.wallet_id = w.id
           AND e.version > coalesce((SELECT x.version FROM escrow_entry x
                                      WHERE x.wallet_id = w.id AND x.at < core_now() - interval '30 days'
                                      ORDER BY x.version DESC LIMIT 1), 0)
          JOIN escrow_operation o ON o.id = e.operation_id AND o.kind IN ('settle', 'split')
         WHERE e.d_held = 0)
SELECT w.earned, w.owed,
       (SELECT coalesce(sum(amount), 0)::bigint FROM escrow_payout
         WHERE performer_id = %(performer)s AND status = 'requested') AS pending,
       (SELECT coalesce(sum(amount), 0)::bigint FROM escrow_payout
         WHERE performer_id = %(performer)s AND status = 'approved') AS paid,
       s.* FROM w CROSS JOIN LATERAL (
    SELECT coalesce(sum(settled) FILTER (WHERE at > core_now() - interval '24 hours'), 0)::bigint AS day,
           count(*) FILTER (WHERE at > core_now() - interval '24 hours') AS day_count,
           coalesce(sum(settled) FILTER (WHERE at > core_now() - interval '7 days'), 0)::bigint AS week,
           count(*) FILTER (WHERE at > core_now() - interval '7 days') AS week_count,
           coalesce(sum(settled), 0)::bigint AS month, count(*) AS month_count
      FROM recent) s
"""


def earnings_of(performer_id: UUID) -> Earnings:
    """Read a performer's earnings (one statement; of her entries it reads the last 30 days only).

    Raises:
        NotFound: she has no wallet.
    """
    found = db.rows(SUMS, {"performer": performer_id})
    if not found:
        raise NotFound
    row = found[0]
    return Earnings(
        earned=row["earned"],
        owed=row["owed"],
        payouts_pending=row["pending"],
        paid_out=row["paid"],
        last_24_hours=Settled(row["day"], row["day_count"]),
        last_7_days=Settled(row["week"], row["week_count"]),
        last_30_days=Settled(row["month"], row["month_count"]),
    )
