"""The invariants V1–V8 in one snapshot. Their rules are in escrow and perfqueue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import escrow.services
import perfqueue.services
from core.db import command
from escrow.services import Finding

CHECKED = ("V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8")


@dataclass(frozen=True)
class Report:
    """What a run checked and found. `since` None: everything."""

    since: datetime | None
    operations: int
    findings: Sequence[Finding]


def check(*, since: datetime | None = None) -> Report:
    """Check everything, or what was written `since`, in one snapshot. Writes nothing."""
    with escrow.services.snapshot():
        return Report(
            since,
            escrow.services.operations_since(since),
            [*escrow.services.verify(since=since), *perfqueue.services.verify(since=since)],
        )


def run(*, full: bool) -> Report:
    """Check everything, or what was written since the last run began, and record it: findings, frozen wallets.

    The times are real time, as in ids. Without an earlier run an incremental one is full.
    """
    started = datetime.now(UTC)
    report = check(since=None if full else escrow.services.last_run_at())
    command(
        lambda: escrow.services.record_run(
            since=report.since,
            started_at=started,
            finished_at=datetime.now(UTC),
            operations=report.operations,
            findings=report.findings,
        )
    )
    return report
