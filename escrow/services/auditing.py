"""Records the verifier's findings, freezes the wallets concerned, and thaws wallets."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from core import db
from core.clock import CoreNow
from core.errors import NotFound, assert_reason
from escrow.errors import AlreadyFrozen, NotReversible
from escrow.models import Finding as FindingRow
from escrow.models import Freeze, Verification, Wallet, WalletStatus
from escrow.services.verification import Finding

log = structlog.get_logger()
ALWAYS_WHOLE = ("V7",)
"""Invariants that an incremental run checks in full too."""

CONCERNED = """
SELECT w.id FROM escrow_wallet w WHERE w.id = ANY (%(subjects)s::uuid[])
 UNION
SELECT e.wallet_id FROM escrow_entry e
 WHERE e.operation_id = ANY (%(subjects)s::uuid[]) AND e.wallet_id IS NOT NULL
 UNION
SELECT w.id FROM escrow_hold h
  JOIN escrow_wallet w ON w.currency = h.currency AND w.owner_id IN (h.payer_id, h.payee_id)
 WHERE h.id = ANY (%(subjects)s::uuid[])
 UNION
SELECT w.id FROM escrow_payout p JOIN escrow_wallet w ON w.currency = 'TOKEN' AND w.owner_id = p.performer_id
 WHERE p.id = ANY (%(subjects)s::uuid[])
 UNION
SELECT w.id FROM escrow_order x JOIN escrow_wallet w ON w.currency = 'TOKEN' AND w.owner_id = x.user_id
 WHERE x.id = ANY (%(subjects)s::uuid[])
"""


def last_run_at() -> datetime | None:
    """When the newest run began, in real time; None without one (one statement)."""
    return Verification.objects.order_by("-id").values_list("started_at", flat=True).first()


def record_run(
    *, since: datetime | None, started_at: datetime, finished_at: datetime, operations: int, findings: Sequence[Finding]
) -> None:
    """Record a run and its findings, each once while it is open; freeze the wallets they concern; log new ones.

    A full run (`since` None) clears findings that it no longer has; an incremental one only those that it checks in
    full. Joins the caller's transaction or opens one. Locks a name (advisory), then the wallets in id order.
    """
    with db.joined():
        db.lock_name("escrow.verification")
        open_rows = {(row.check_name, row.subject): row for row in FindingRow.objects.filter(cleared_at=None)}
        seen = {(each.check, each.subject) for each in findings}
        concerned: dict[UUID, FindingRow] = {}  # each wallet with the first finding that concerns it
        for each in findings:
            known = open_rows.get((each.check, each.subject))
            row = known or FindingRow(check_name=each.check, subject=each.subject)
            row.problem, row.last_seen_at = each.problem, CoreNow()
            row.save()
            open_rows[each.check, each.subject] = row
            if known is None:
                log.error("ledger_violation", check=each.check, subject=each.subject, problem=each.problem)
            if not each.is_late:
                concerned = dict.fromkeys(_concerned(each), row) | concerned
        _freeze([Freeze(wallet_id=wallet, finding=row, reason=str(row)) for wallet, row in concerned.items()])
        cleared = [
            row.pk
            for (check, subject), row in open_rows.items()
            if (check, subject) not in seen and (since is None or check in ALWAYS_WHOLE)
        ]
        FindingRow.objects.filter(pk__in=cleared).update(cleared_at=CoreNow())
        Verification.objects.create(
            is_full=since is None,
            since=since,
            started_at=started_at,
            finished_at=finished_at,
            operations=operations,
            findings=len(findings),
        )


def freeze(*, wallet_id: UUID, actor_id: UUID, reason: str) -> None:
    """Stop a wallet from paying and receiving; refunds still arrive. Locks the wallet.

    Raises:
        NotFound, AlreadyFrozen, ValidationFailed (no reason): nothing was written.
    """
    assert_reason(reason)
    with db.joined():
        _assert_status(wallet_id, WalletStatus.ACTIVE)
        _freeze([Freeze(wallet_id=wallet_id, reason=reason, frozen_by=actor_id)])


def thaw(*, wallet_id: UUID, actor_id: UUID, reason: str) -> None:
    """Allow a frozen wallet to pay and receive again. Locks the wallet.

    Raises:
        NotFound, NotReversible (it is not frozen), ValidationFailed (no reason): nothing was written.
    """
    assert_reason(reason)
    with db.joined():
        _assert_status(wallet_id, WalletStatus.FROZEN)
        Freeze.objects.filter(wallet_id=wallet_id, thawed_at=None).update(
            thawed_at=CoreNow(), thawed_by=actor_id, thaw_reason=reason
        )
        Wallet.objects.filter(pk=wallet_id).update(status=WalletStatus.ACTIVE)


def state_of_ledger() -> tuple[int, float | None]:
    """The number of open findings, and the age of the last run in seconds, None without one (one statement)."""
    row = db.rows(
        "SELECT (SELECT count(*) FROM escrow_finding WHERE cleared_at IS NULL) AS open,"
        " (SELECT extract(epoch FROM clock_timestamp() - finished_at)::float FROM escrow_verification"
        "   ORDER BY id DESC LIMIT 1) AS age"
    )[0]
    return row["open"], row["age"]


@dataclass(frozen=True)
class Waiting:
    """How many rows of each kind wait for a member of staff."""

    approvals: int
    payouts: int
    findings: int
    freezes: int


def waiting_for_staff() -> Waiting:
    """Count open approvals and payouts, findings that were not cleared and wallets frozen (one statement)."""
    return Waiting(
        **db.rows(
            "SELECT (SELECT count(*) FROM escrow_approval WHERE status = 'open') AS approvals,"
            " (SELECT count(*) FROM escrow_payout WHERE status = 'requested') AS payouts,"
            " (SELECT count(*) FROM escrow_finding WHERE cleared_at IS NULL) AS findings,"
            " (SELECT count(*) FROM escrow_freeze WHERE thawed_at IS NULL) AS freezes"
        )[0]
    )


def _concerned(finding: Finding) -> list[UUID]:
    """The ids of the wallets that a finding concerns; none for a currency as a whole."""
    subjects = [finding.hold_id] if finding.hold_id else []
    with suppress(ValueError):  # V6 names a currency
        subjects.append(UUID(finding.subject))
    return sorted(row["id"] for row in db.rows(CONCERNED, {"subjects": subjects}))


def _freeze(freezes: Sequence[Freeze]) -> None:
    """Freeze the wallets that are active. Locks all of them in id order."""
    active = {wallet.pk for wallet in _locked(freezes) if wallet.status == WalletStatus.ACTIVE}
    Wallet.objects.filter(pk__in=active).update(status=WalletStatus.FROZEN)
    Freeze.objects.bulk_create([each for each in freezes if each.wallet_id in active])


def _locked(freezes: Sequence[Freeze]) -> list[Wallet]:
    ids = [each.wallet_id for each in freezes]
    return list(Wallet.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def _assert_status(wallet_id: UUID, status: str) -> None:
    """Lock a wallet and refuse another status than this one."""
    found = _locked([Freeze(wallet_id=wallet_id)])
    if not found:
        raise NotFound
    if found[0].status != status:
        raise AlreadyFrozen if status == WalletStatus.ACTIVE else NotReversible
