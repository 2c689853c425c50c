"""What a performer earned: what is there, what is on its way out, and what came in lately."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from core import db
from core.errors import NotFound
from escrow.models import Payout, PayoutStatus

LATELY = {"last24Hours": "24 hours", "last7Days": "7 days", "last30Days": "30 days"}


@dataclass(frozen=True)
class Earnings:
    """Whole tokens. `lately`: settled to her and how often, for 24 hours, 7 and 30 days."""

    earned: int
    owed: int
    payouts_pending: int
    paid_out: int
    lately: dict[str, tuple[int, int]]


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


def pending_payouts(performer_id: UUID) -> int:
    """Tokens asked for and not decided yet (one statement, her payouts only)."""
    asked = Payout.objects.filter(performer_id=performer_id, status=PayoutStatus.REQUESTED)
    return int(asked.aggregate(total=Sum("amount"))["total"] or 0)


def earnings_of(performer_id: UUID) -> Earnings:
    """One statement; reads her entries of the last 30 days, newest first, and no older ones.

    Raises:
        NotFound: nobody with a wallet.
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
        lately={
            name: (row[column], row[f"{column}_count"])
            for name, column in zip(LATELY, ("day", "week", "month"), strict=True)
        },
    )
