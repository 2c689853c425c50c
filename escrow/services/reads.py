"""What the ledger tells: balances, holds, the trail of a hold. And wallets, opened with their owner."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from core import db
from core.clock import CoreNow
from core.errors import NotFound
from escrow.models import Currency, Entry, Hold, HoldStatus, Wallet
from escrow.services.breaker import guarded


@dataclass(frozen=True)
class TrailLine:
    """One step of a hold's money: what, how much, when."""

    operation: str
    amount: int
    at: datetime


def open_wallets(owner_ids: Iterable[UUID]) -> None:
    """Give each person a wallet per currency (one statement); those who have one keep it."""
    Wallet.objects.bulk_create(
        [Wallet(owner_id=owner, currency=currency) for owner in owner_ids for currency in Currency],
        ignore_conflicts=True,
    )


def wallets(owner_id: UUID) -> list[Wallet]:
    """A person's wallets, TOKEN first (one statement)."""
    return list(Wallet.objects.filter(owner_id=owner_id).order_by("-currency"))


def balance(owner_id: UUID, currency: Currency) -> int:
    """What a person can spend now; 0 without a wallet (one statement)."""
    found = Wallet.objects.filter(owner_id=owner_id, currency=currency).values_list("available", flat=True).first()
    return found or 0


def holds_of(payer_id: UUID) -> "QuerySet[Hold]":
    """A person's holds, to be paged."""
    return Hold.objects.filter(payer_id=payer_id)


def transfers_of(owner_id: UUID) -> "QuerySet[Entry]":
    """The lines of a person's wallets with their operations, to be paged by entry id."""
    mine = Wallet.objects.filter(owner_id=owner_id).values("id")
    return Entry.objects.filter(wallet_id__in=mine).select_related("operation")


def lock_holds(hold_ids: Collection[UUID], *, lift_expiry: bool) -> tuple[dict[UUID, Hold], datetime]:
    """Lock holds in id order and return them with the clock after the lock (one statement).

    `lift_expiry`: from intake on, only the queue closes them. Needs an open transaction.

    Raises:
        NotFound: one of them does not exist.
    """
    sql = "SELECT h.*, core_now() AS now FROM escrow_claim(%s::uuid[], %s) h"
    found = guarded(lambda: list(Hold.objects.raw(sql, [sorted(hold_ids), lift_expiry])))
    if len(found) < len(set(hold_ids)):
        raise NotFound
    return {hold.id: hold for hold in found}, found[0].now  # type: ignore[attr-defined]  # the query's own column


def expired_holds(limit: int, *, after: Hold | None = None) -> list[Hold]:
    """Open holds past their expiry (no item took them), oldest first, behind `after`; unlocked (one statement)."""
    overdue = Hold.objects.filter(status=HoldStatus.HELD, expires_at__lte=CoreNow())
    if after is not None:
        overdue = overdue.filter(Q(expires_at=after.expires_at, id__gt=after.id) | Q(expires_at__gt=after.expires_at))
    return list(overdue.order_by("expires_at", "id")[:limit])


TRAIL = """
SELECT h.id AS hold, step.operation, step.amount, o.at
  FROM escrow_operation o JOIN escrow_hold h ON h.id = o.hold_id
 CROSS JOIN LATERAL (VALUES
        ('hold', CASE WHEN o.kind = 'hold' THEN h.amount END, 1),
        ('settle', CASE WHEN o.kind IN ('settle', 'split') THEN h.captured END, 2),
        (CASE WHEN o.kind = 'expire' THEN 'expire' ELSE 'refund' END,
         CASE WHEN o.kind IN ('refund', 'split', 'expire') THEN h.released END, 3)
      ) AS step(operation, amount, line)
 WHERE o.hold_id = ANY (%s::uuid[]) AND step.amount IS NOT NULL
 ORDER BY o.id, step.line
"""


def trail(hold_ids: Collection[UUID]) -> dict[UUID, list[TrailLine]]:
    """The steps of each hold's money, oldest first (one statement). A split is its settle and its refund."""
    found: dict[UUID, list[TrailLine]] = {hold_id: [] for hold_id in hold_ids}
    for row in db.rows(TRAIL, [list(hold_ids)]):
        found[row["hold"]].append(TrailLine(row["operation"], row["amount"], row["at"]))
    return found
