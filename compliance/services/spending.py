"""The gate of spending limits, for commands other than spins, which check theirs with their slot state."""

from datetime import datetime
from uuid import UUID

from compliance.errors import SpendLimitReached
from compliance.models.spending import Window
from compliance.services.limits import windows_of
from compliance.services.standings import Standing
from core.clock import db_now
from core.db import rows

_SPANS = dict(zip(Window.values, ("24 hours", "7 days", "30 days"), strict=True))
_FREES = """
SELECT h.created_at + %(span)s::interval AS at
  FROM (SELECT x.id, x.created_at, sum(x.amount - x.released) OVER (ORDER BY x.id) AS gone
          FROM escrow_hold x
         WHERE x.payer_id = %(user_id)s AND x.currency = %(currency)s
           AND x.created_at > %(now)s - %(span)s::interval) AS h
 WHERE h.gone >= %(over)s ORDER BY h.id LIMIT 1
"""


def check_spending(standing: Standing, amount: int, *, currency: str) -> None:
    """Check the user's own limits of a currency that has no others, the shortest window first.

    Pure: `standing` was loaded with this amount, under the wallet's lock.

    Raises:
        SpendLimitReached: nothing was written.
    """
    limits = (standing.day_limit, standing.week_limit, standing.month_limit)
    spent = (standing.day_spent, standing.week_spent, standing.month_spent)
    frees = (standing.day_frees_at, standing.week_frees_at, standing.month_frees_at)
    for window, limit, used, frees_at in zip(Window.values, limits, spent, frees, strict=True):
        if limit is not None and used is not None and used + amount > limit:
            raise _refusal(currency, window, "user", limit, used, frees_at)


def assert_within_limits(user_id: UUID, amount: int, *, currency: str) -> None:
    """Check the user's and the operator's limits of a currency, spins included, the shortest window first.

    Call it under the wallet's lock, which makes it exact.

    Raises:
        SpendLimitReached: nothing was written.
    """
    for row in windows_of(user_id, [currency]):
        if row.left is None or amount <= row.left:
            continue
        own = row.limit is not None and (row.operator_cap is None or row.limit <= row.operator_cap)
        limit = row.limit if own else row.operator_cap
        if limit is not None:
            facts = {"user_id": user_id, "currency": currency, "span": _SPANS[row.window], "now": db_now()}
            found = rows(_FREES, facts | {"over": row.used + amount - limit})
            frees_at = found[0]["at"] if found else None
            raise _refusal(currency, row.window, "user" if own else "operator", limit, row.used, frees_at)


def _refusal(
    currency: str, window: str, scope: str, limit: int, used: int, frees_at: datetime | None
) -> SpendLimitReached:
    return SpendLimitReached(
        currency=str(currency), window=window, scope=scope, limit=limit, used=used, freesAt=frees_at
    )
