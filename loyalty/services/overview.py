"""What staff see of RedRoomRewards at a glance: operations by state, what is unknown or dead, the last report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, QuerySet, Sum

from accounts.models import FINANCE_ROLES, SUPPORT_ROLES, Role
from core.clock import db_now
from core.db import rows
from core.ids import first_id_at
from loyalty.models import (
    Difference,
    OperationState,
    ReconciliationRun,
    RemoteOperation,
    WebhookEvent,
)

READERS: frozenset[str] = frozenset({*SUPPORT_ROLES, *FINANCE_ROLES, Role.AUDITOR})
"""Who sees operations and links. The nightly report is finance's and the auditors'."""
SHOWN_ROWS = 10
SHOWN_LETTERS = 50
MOST_COUNTED = 100_000
"""Operations of a day that are counted; more are "and more"."""
SLOT, SLOTS = timedelta(minutes=5), 24
EVENTS_SHOWN = timedelta(days=7)
WAITING_BY_KIND = """
SELECT kind = 'deduct' AS is_deduct, state, count(*) AS count, sum(amount)::bigint AS points, min(created_at) AS oldest
  FROM loyalty_remoteoperation WHERE state IN ('open', 'unknown') GROUP BY 1, 2
 UNION ALL
SELECT false, state, count(*), sum(amount)::bigint, min(created_at)
  FROM loyalty_remoteoperation WHERE state = 'dead' GROUP BY 2
"""
MADE_SINCE = """
SELECT floor(extract(epoch FROM created_at) / %(slot_s)s)::bigint AS slot, count(*) AS count,
       count(*) FILTER (WHERE state = 'confirmed') AS confirmed,
       count(*) FILTER (WHERE state = 'compensated') AS compensated,
       count(*) FILTER (WHERE attempts > 1 OR state IN ('unknown', 'dead')) AS asked_again
  FROM (SELECT created_at, state, attempts FROM loyalty_remoteoperation
         WHERE id >= %(since)s ORDER BY id DESC LIMIT %(most)s) newest
 GROUP BY 1
"""


@dataclass(frozen=True)
class Waiting:
    """Operations that are not finished: how many, of how many points, since when."""

    count: int = 0
    points: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True)
class Slot:
    """Operations made in five minutes, and how many of them were asked for more than once or have no answer."""

    at: datetime
    count: int
    asked_again: int


@dataclass(frozen=True)
class Report:
    """The last nightly run that has ended: its first differences, how many there are, and both sides' sums of them."""

    run: ReconciliationRun
    differences: Sequence[Difference]
    count: int
    sum: int


@dataclass(frozen=True)
class Overview:
    """All of it, at `now`. `is_cut`: more operations were made in a day than are counted."""

    now: datetime
    deducts_open: Waiting
    unknown: Waiting
    credits: Waiting
    dead: Waiting
    confirmed_today: int
    compensated_today: int
    is_cut: bool
    slots: Sequence[Slot]
    unknown_rows: Sequence[RemoteOperation]
    letters: Sequence[RemoteOperation]
    report: Report | None
    event_faults: int

    @property
    def needs_somebody(self) -> int:
        """How many things staff have to look at."""
        return self.unknown.count + self.dead.count + self.event_faults


def overview() -> Overview:
    """Read everything that the page of RedRoomRewards shows (nine statements)."""
    now = db_now()
    waiting = {(row.pop("is_deduct"), row.pop("state")): Waiting(**row) for row in rows(WAITING_BY_KIND)}
    unknown = [each for (_, state), each in waiting.items() if state == OperationState.UNKNOWN]
    made = _made_since()
    return Overview(
        now=now,
        deducts_open=waiting.get((True, OperationState.OPEN), Waiting()),
        unknown=_together(unknown),
        credits=waiting.get((False, OperationState.OPEN), Waiting()),
        dead=waiting.get((False, OperationState.DEAD), Waiting()),
        confirmed_today=sum(row["confirmed"] for row in made),
        compensated_today=sum(row["compensated"] for row in made),
        is_cut=sum(row["count"] for row in made) >= MOST_COUNTED,
        slots=_slots(made, now),
        unknown_rows=list(_of_state(OperationState.UNKNOWN).order_by("created_at")[:SHOWN_ROWS]),
        letters=list(_of_state(OperationState.DEAD).order_by("id")[:SHOWN_LETTERS]),
        report=last_report(),
        event_faults=WebhookEvent.objects.filter(received_at__gt=now - EVENTS_SHOWN).exclude(note="").count(),
    )


def _together(parts: Sequence[Waiting]) -> Waiting:
    return Waiting(
        count=sum(each.count for each in parts),
        points=sum(each.points for each in parts),
        oldest=min((each.oldest for each in parts if each.oldest), default=None),
    )


def _made_since() -> list[dict[str, int]]:
    """The newest operations of the last 24 hours, counted by five minutes. Ids carry the real time they were made."""
    params = {
        "since": first_id_at(datetime.now(UTC) - timedelta(days=1)),
        "slot_s": SLOT.total_seconds(),
        "most": MOST_COUNTED,
    }
    return rows(MADE_SINCE, params)


def _slots(made: Sequence[dict[str, int]], now: datetime) -> list[Slot]:
    by_slot, size = {row["slot"]: row for row in made}, int(SLOT.total_seconds())
    last = int(now.timestamp()) // size
    nothing = {"count": 0, "asked_again": 0}
    found = [(place, by_slot.get(place, nothing)) for place in range(last - SLOTS + 1, last + 1)]
    return [
        Slot(datetime.fromtimestamp(place * size, now.tzinfo), row["count"], row["asked_again"]) for place, row in found
    ]


def _of_state(state: OperationState) -> "QuerySet[RemoteOperation]":
    return RemoteOperation.objects.filter(state=state)


def last_report() -> Report | None:
    """Return the newest nightly run that has ended, with its first differences (three statements); None before it."""
    run = ReconciliationRun.objects.filter(ended_at__isnull=False).order_by("-id").first()
    if run is None:
        return None
    all_of = Difference.objects.filter(run=run)
    sums = all_of.aggregate(count=Count("id"), here=Sum("here"), there=Sum("there"))
    return Report(
        run=run,
        differences=list(all_of.order_by("id")[:SHOWN_ROWS]),
        count=sums["count"],
        sum=(sums["here"] or 0) - (sums["there"] or 0),
    )


def differences_of(run: ReconciliationRun) -> "QuerySet[Difference]":
    """All differences of a run, in the order they were found."""
    return Difference.objects.filter(run=run).order_by("id")
