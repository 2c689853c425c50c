"""Runs the invariants in one snapshot, over the whole ledger or over what was written since a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from core import db
from core.ids import first_id_at
from escrow.models import Operation
from escrow.services.invariants import CHECKS, ONLY_WHOLE, RECENT, WHOLE

OVERLAP = timedelta(seconds=60)
"""How far before `since` a run looks: ids are made by the callers' clocks, and a transaction writes for up to 5 s."""


@dataclass(frozen=True)
class Finding:
    """A violated invariant: its name, the row, what was expected and found.

    `hold_id`: the hold whose wallets are concerned, where the subject is no row of the ledger. `is_late`: something is
    overdue but no sum is wrong; no wallet is frozen for it.
    """

    check: str
    subject: str
    problem: str
    hold_id: UUID | None = field(default=None, compare=False)
    is_late: bool = field(default=False, compare=False)


def verify(*, since: datetime | None = None) -> list[Finding]:
    """Check V1–V6 over the whole ledger, or over what was written `since`; return the violations. Writes nothing."""
    if since is not None:
        return run_checks(CHECKS, RECENT, since)
    with snapshot():
        return [*run_checks(CHECKS, WHOLE), *run_checks(ONLY_WHOLE, WHOLE)]


def run_checks(checks: Mapping[str, str], tables: Mapping[str, str], since: datetime | None = None) -> list[Finding]:
    """Run named queries of (subject, problem), with their tables' names from `tables`, in one snapshot."""
    floor = first_id_at(since - OVERLAP) if since else None
    with snapshot():
        return [
            Finding(name, str(row["subject"]), row["problem"], row.get("hold"), row.get("late", False))
            for name, query in checks.items()
            for row in db.rows(query.format(**tables), {"floor": floor})
        ]


@contextmanager
def snapshot() -> Iterator[None]:
    """Open a read-only snapshot without a statement time-out, or join the open transaction."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def operations_since(since: datetime | None) -> int:
    """The number of operations that a run checks (one statement)."""
    operations = Operation.objects.all()
    return (operations.filter(id__gte=first_id_at(since - OVERLAP)) if since else operations).count()
