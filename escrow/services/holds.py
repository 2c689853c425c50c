"""Reading and locking holds, and the trail of a hold's money."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from core import db
from core.clock import CoreNow
from core.errors import NotFound
from escrow.models import Currency, Hold, HoldStatus
from escrow.services.breaker import guarded


@dataclass(frozen=True)
class HoldView:
    """A hold as other apps read it. `payee_id` or `payee_house` is set; without an expiry an item has taken it."""

    id: UUID
    payer_id: UUID
    payee_id: UUID | None
    payee_house: str | None
    currency: str
    feature: str
    amount: int
    captured: int
    released: int
    status: str
    expires_at: datetime | None


COLUMNS = tuple(HoldView.__dataclass_fields__)


@dataclass(frozen=True)
class TrailEntry:
    """One step of a hold's money: which operation, how much, when."""

    operation: str
    amount: int
    at: datetime


def hold_by_id(hold_id: UUID) -> HoldView:
    """One hold, unlocked (one statement). Raises NotFound."""
    return HoldView(**db.first_or_not_found(Hold.objects.filter(pk=hold_id).values(*COLUMNS)))


def open_holds_of(payer_id: UUID) -> int:
    """Return how many of a person's holds are open (one statement)."""
    return Hold.objects.filter(payer_id=payer_id, status=HoldStatus.HELD).count()


def holds_of(payer_id: UUID) -> "QuerySet[Hold]":
    """A person's holds, to be paged."""
    return Hold.objects.filter(payer_id=payer_id)


CLAIM = """
SELECT id, payer_id, payee_id, payee_house, currency, feature, amount, captured, released, status, expires_at,
       core_now() AS now
  FROM escrow_claim(p_hold => %(holds)s::uuid[], p_lift => %(lift)s)
"""


def lock_holds(hold_ids: Collection[UUID], *, lift_expiry: bool) -> tuple[dict[UUID, HoldView], datetime]:
    """Lock holds in id order and return them with the database's time after the lock (one statement).

    `lift_expiry` removes their expiry: from intake on only the queue closes them. Needs an open transaction.

    Raises:
        NotFound: one of them does not exist.
    """
    rows = guarded(lambda: db.rows(CLAIM, {"holds": sorted(hold_ids), "lift": lift_expiry}))
    if len(rows) < len(set(hold_ids)):
        raise NotFound
    return {row["id"]: HoldView(**{name: row[name] for name in COLUMNS}) for row in rows}, rows[0]["now"]


def expired_holds(limit: int, *, after: HoldView | None = None) -> list[HoldView]:
    """Open holds past their expiry (no item took them), oldest first, after `after`, unlocked (one statement)."""
    overdue = Hold.objects.filter(status=HoldStatus.HELD, expires_at__lte=CoreNow())
    if after is not None:
        overdue = overdue.filter(Q(expires_at=after.expires_at, id__gt=after.id) | Q(expires_at__gt=after.expires_at))
    return [HoldView(**row) for row in overdue.order_by("expires_at", "id").values(*COLUMNS)[:limit]]


def held_in(currency: Currency) -> int:
    """What open holds of a currency hold together (one statement, over open holds only)."""
    held: int = Hold.objects.filter(status=HoldStatus.HELD, currency=currency).aggregate(
        total=Coalesce(Sum(F("amount") - F("captured") - F("released")), 0)
    )["total"]
    return held


TRAIL = "SELECT hold, operation, amount, at FROM escrow_trail(p_hold => %s)"


def trail(hold_ids: Collection[UUID]) -> dict[UUID, list[TrailEntry]]:
    """The steps of each hold's money, oldest first (one statement). A split is its settle and its refund."""
    trails: dict[UUID, list[TrailEntry]] = {hold_id: [] for hold_id in hold_ids}
    for row in db.rows(TRAIL, [list(hold_ids)]):
        trails[row["hold"]].append(TrailEntry(row["operation"], row["amount"], row["at"]))
    return trails
