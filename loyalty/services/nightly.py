"""The nightly reconciliation: a day's ledger of every member over there against what happened here, row by row.

Here is our clearing account for what spins took and won, and our operations for all else. What differs is listed, with
its spin; nothing is corrected. A run goes on where it was interrupted, a page of users a transaction.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import F, Q

import escrow.services
from core.clock import CoreNow, db_now
from core.db import command, try_lock_name
from core.ids import NIL
from escrow.services import Cleared
from loyalty.client import LedgerEntry, LoyaltyClient, run
from loyalty.errors import RemoteUnknownUser
from loyalty.models import (
    WAITING,
    Difference,
    DifferenceKind,
    Link,
    OperationKind,
    OperationState,
    ReconciliationRun,
    RemoteOperation,
)
from loyalty.services.ledgers import entries_of

USERS_A_PAGE = 16
MAX_KEY_CHARS = 128
OURS = ("deduct", "credit", "earn")
"""The types of their entries that calls of ours make; others are none of our business."""
TAKING = (OperationKind.DEDUCT, OperationKind.EARN_REVERSAL)
DONE = (OperationState.CONFIRMED, OperationState.COMPENSATED)
log = structlog.get_logger()


@dataclass(slots=True)
class Side:
    """What is known here of some keys: points gained by the user; `waiting`: keys whose operations are not closed."""

    points: dict[str, int] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Differs:
    """A row that differs: `Difference`, before it is written."""

    kind: DifferenceKind
    user_id: UUID
    key: str
    source: str
    here: int | None
    there: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A user's day: what differs, how many of their entries, and the net points of spins on either side."""

    differences: list[Differs]
    entries: int
    here: int
    there: int


def nightly() -> ReconciliationRun | None:
    """Compare yesterday (UTC); return its run, None if it was compared before or another process is at it."""
    return compare_day(db_now().astimezone(UTC).date() - timedelta(days=1))


def compare_day(day: date) -> ReconciliationRun | None:
    """Compare a day, or go on with it. Raises LoyaltyUnavailable: it goes on another time, from there."""
    begun, _ = ReconciliationRun.objects.get_or_create(day=day)
    while not (begun := ReconciliationRun.objects.get(pk=begun.pk)).ended_at:
        users = _page(begun.after_user)
        compared = _compared(users, day)
        if not command(lambda: _recorded(begun, users, compared)):  # noqa: B023  runs at once
            return None
    differences = Difference.objects.filter(run=begun).count()
    tell = log.error if differences else log.info
    tell("loyalty_reconciled", day=str(day), users=begun.users, differences=differences)
    return begun


def _page(after: UUID | None) -> list[UUID]:
    """The next users who were ever linked, in their order."""
    found = Link.objects.filter(user_id__gt=after or NIL).order_by("user_id").values_list("user_id", flat=True)
    return list(found.distinct()[:USERS_A_PAGE])


def _recorded(begun: ReconciliationRun, users: Sequence[UUID], compared: Sequence[Compared]) -> bool:
    """Write a page's differences and move on; without users the run has ended. False: another process was there."""
    if not try_lock_name("loyalty.nightly"):
        return False
    here = ReconciliationRun.objects.filter(pk=begun.pk, after_user=begun.after_user, ended_at__isnull=True)
    if not users:
        return bool(here.update(ended_at=CoreNow()))
    moved = here.update(
        after_user=users[-1],
        users=F("users") + len(users),
        entries=F("entries") + sum(each.entries for each in compared),
        clearing_here=F("clearing_here") + sum(each.here for each in compared),
        clearing_there=F("clearing_there") + sum(each.there for each in compared),
    )
    if moved:
        found = [each for page in compared for each in page.differences]
        Difference.objects.bulk_create(Difference(run=begun, **asdict(each)) for each in found)
    return bool(moved)


def _compared(users: Sequence[UUID], day: date) -> list[Compared]:
    if not users:
        return []
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = begin + timedelta(days=1)
    closed = _closed_in(users, begin, end)
    cleared = escrow.services.cleared(users, since=begin, until=end)
    oldest = min([begin, *(each.created_at for each in closed)])
    ledgers = run(lambda client: _ledgers(client, users, oldest))
    return [
        _compare(
            user_id,
            ledger,
            [each for each in closed if each.user_id == user_id],
            [each for each in cleared if each.owner_id == user_id],
            lambda at: begin <= at < end,
        )
        for user_id, ledger in zip(users, ledgers, strict=True)
    ]


def _closed_in(users: Sequence[UUID], begin: datetime, end: datetime) -> list[RemoteOperation]:
    """What was closed that day, but for what was refused: only a reversal leaves something to be listed."""
    mine = RemoteOperation.objects.filter(user_id__in=users, closed_at__gte=begin, closed_at__lt=end)
    return list(mine.exclude(Q(state=OperationState.REFUSED) & ~Q(kind=OperationKind.EARN_REVERSAL)))


async def _ledgers(client: LoyaltyClient, users: Sequence[UUID], since: datetime) -> list[list[LedgerEntry]]:
    return await asyncio.gather(*[_ledger(client, user_id, since) for user_id in users])


async def _ledger(client: LoyaltyClient, user_id: UUID, since: datetime) -> list[LedgerEntry]:
    """Their whole ledger of a user since then; nothing of one whom they do not know any more."""
    try:
        entries = await entries_of(client, user_id, since=since)
    except RemoteUnknownUser:
        return []
    return [each for each in entries if each.type.lower() in OURS]


def _compare(
    user_id: UUID,
    ledger: Sequence[LedgerEntry],
    closed: Sequence[RemoteOperation],
    cleared: Sequence[Cleared],
    is_of_day: Callable[[datetime], bool],
) -> Compared:
    """Compare what either side has of the day with all that the other one has."""
    there: Counter[str] = Counter()
    for entry in ledger:
        there[entry.transaction_id] += entry.points_delta
    of_day = [entry for entry in ledger if is_of_day(entry.at)]
    asked = (
        {each.transaction_id for each in of_day} | {each.key for each in closed} | {_key_of(each) for each in cleared}
    )
    here = _here(sorted(asked))
    differences = []
    for key in sorted(asked - here.waiting):
        ours, theirs = here.points.get(key), there.get(key)
        if ours != theirs:
            kind, source = _kind(ours, theirs), here.sources.get(key, "")
            differences.append(Differs(kind, user_id, key[:MAX_KEY_CHARS], source, ours, theirs))
    return Compared(
        differences,
        entries=len(of_day),
        here=sum(each.points for each in cleared),
        there=sum(each.points_delta for each in of_day if each.transaction_id.startswith("spin-")),
    )


def _here(keys: Sequence[str]) -> Side:
    """What is known here of these keys, in two statements: spins by the clearing account, the rest by operations.

    A reversal that was refused counts here: the order's tokens are gone, and its points are not.
    """
    side = Side()
    for each in RemoteOperation.objects.filter(key__in=keys):
        side.sources[each.key] = each.source
        by_clearing = each.kind == OperationKind.CREDIT or (
            each.kind == OperationKind.DEDUCT and each.state == OperationState.CONFIRMED
        )
        if each.state in WAITING:
            side.waiting.add(each.key)
        elif (each.state in DONE and not by_clearing) or (
            each.state == OperationState.REFUSED and each.kind == OperationKind.EARN_REVERSAL
        ):
            side.points[each.key] = -each.amount if each.kind in TAKING else each.amount
    holds = sorted({key.rpartition("-")[0] for key in keys if key.startswith("spin-")})
    wanted = set(keys)
    for found in escrow.services.cleared_by_key(holds):
        if (key := _key_of(found)) in wanted:
            side.points[key] = found.points
            side.sources.setdefault(key, found.key.removeprefix("spin-"))
    return side


def _key_of(cleared: Cleared) -> str:
    """The key of the operation that an entry of the clearing account belongs to."""
    return f"{cleared.key}-{'deduct' if cleared.points < 0 else 'credit'}"


def _kind(here: int | None, there: int | None) -> DifferenceKind:
    if there is None:
        return DifferenceKind.MISSING
    return DifferenceKind.EXTRA if here is None else DifferenceKind.DIFFERS
