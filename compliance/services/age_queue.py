"""What staff see of the ages that wait for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from compliance.models import PolicyVersion
from core.db import rows
from core.ids import first_id_at

LOOK_BACK = timedelta(days=7)
_FIGURES = """
SELECT core_now() AS now, w.waiting, w.oldest_at, d.verified_today, d.rejected_today, d.median_s,
       CASE WHEN d.decided > 0 THEN 100 * d.by_provider / d.decided END AS provider_percent
  FROM (SELECT count(*) AS waiting, min(opened_at) AS oldest_at FROM compliance_agecase WHERE state = 'pending') AS w,
       (SELECT count(*) AS decided,
               count(*) FILTER (WHERE a.by = 'provider') AS by_provider,
               count(*) FILTER (WHERE a.outcome = 'verified' AND a.at >= date_trunc('day', core_now(), 'UTC'))
                   AS verified_today,
               count(*) FILTER (WHERE a.outcome = 'rejected' AND a.at >= date_trunc('day', core_now(), 'UTC'))
                   AS rejected_today,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.decided_at - c.opened_at))
                   FILTER (WHERE a.by = 'staff') AS median_s
          FROM compliance_agedecision a LEFT JOIN compliance_agecase c ON c.user_id = a.user_id
         WHERE a.id >= %(floor)s) AS d
"""


@dataclass(frozen=True, kw_only=True)
class AgeFigures:
    """How many cases wait and since when, and what was decided: today, and in the last seven days.

    `median_s`: from a case's beginning to staff's decision; None without one. `provider_percent`: of all decisions.
    """

    now: datetime
    waiting: int
    oldest_at: datetime | None
    verified_today: int
    rejected_today: int
    median_s: float | None
    provider_percent: int | None


def age_figures() -> AgeFigures:
    """Return the figures of the queue of ages (one statement)."""
    (found,) = rows(_FIGURES, {"floor": first_id_at(datetime.now(UTC) - LOOK_BACK)})
    return AgeFigures(**found)


def policies_of(regions: Iterable[str | None]) -> dict[str | None, PolicyVersion]:
    """Return the policy in force of each region that has one (one statement)."""
    wanted = {region for region in regions if region}
    found = PolicyVersion.objects.filter(region__in=wanted).order_by("region", "-number").distinct("region")
    return {policy.region: policy for policy in found}
