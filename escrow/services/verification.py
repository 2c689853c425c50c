"""Running the invariants: over the whole ledger, or over what was written since a moment, in one snapshot."""

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
"""How far behind its start a run looks: ids are made by the callers' clocks, and a transaction writes for 5 s."""


@dataclass(frozen=True)
class Finding:
    """Something that does not add up: which invariant, which row, what was expected and found.

    `hold_id`: the hold that leads to the wallets concerned, where the subject is no row of the ledger. `is_late`: only
    somebody's lateness, no wrong sum; nobody's wallet is frozen for it.
    """

    check: str
    subject: str
    problem: str
    hold_id: UUID | None = field(default=None, compare=False)
    is_late: bool = field(default=False, compare=False)


def verify(*, since: datetime | None = None) -> list[Finding]:
    """Check V1–V6 over the whole ledger, or over what was written `since`; return what is wrong. Writes nothing."""
    if since is not None:
        return run_checks(CHECKS, RECENT, since)
    with snapshot():
        return [*run_checks(CHECKS, WHOLE), *run_checks(ONLY_WHOLE, WHOLE)]


def run_checks(checks: Mapping[str, str], places: Mapping[str, str], since: datetime | None = None) -> list[Finding]:
    """Run named queries of (subject, problem), their tables named by `places`, in one snapshot."""
    floor = first_id_at(since - OVERLAP) if since else None
    with snapshot():
        return [
            Finding(name, str(row["subject"]), row["problem"], row.get("hold"), row.get("late", False))
            for name, query in checks.items()
            for row in db.rows(query.format(**places), {"floor": floor})
        ]


@contextmanager
def snapshot() -> Iterator[None]:
    """A read-only snapshot without a time limit, or the one that is open."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def operations_since(since: datetime | None) -> int:
    """How many operations a run looks at (one statement)."""
    operations = Operation.objects.all()
    return (operations.filter(id__gte=first_id_at(since - OVERLAP)) if since else operations).count()
