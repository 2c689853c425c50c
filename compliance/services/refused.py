"""How often each gate refused, for statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core.clock import clock_offset
from core.db import rows
from core.ids import first_id_at

_COUNTED = """
SELECT r.gate, r.policy_version, count(*) AS refusals FROM compliance_refusal r
 WHERE r.feature = %(feature)s AND r.at >= %(since)s AND r.at < %(until)s AND r.id >= %(low)s AND r.id < %(high)s
 GROUP BY r.gate, r.policy_version ORDER BY count(*) DESC, r.gate, r.policy_version
"""
_SLACK = timedelta(days=1)


@dataclass(frozen=True)
class RefusalCount:
    """Refusals by one gate under one version of the region's policy; "0" without a policy."""

    gate: str
    policy_version: str
    refusals: int


def refusal_counts(*, feature: str, first: date, last: date) -> Sequence[RefusalCount]:
    """Count the refusals of a feature's commands on the days from ``first`` to ``last``, UTC (two statements).

    Rows are found by their ids, made by the real clock, which a demo's is ahead of by its offset or by less.
    """
    since, until = _midnight(first), _midnight(last) + timedelta(days=1) if last < date.max else _midnight(last)
    offset = max(clock_offset(), timedelta(0))
    earliest, latest = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
    low = max(earliest, since - offset - _SLACK if since - earliest > offset + _SLACK else earliest)
    high = min(latest, until + _SLACK if until < latest else latest)
    params = {"feature": feature, "since": since, "until": until}
    found = rows(_COUNTED, params | {"low": first_id_at(low), "high": first_id_at(max(high, low))})
    return [RefusalCount(**row) for row in found]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
