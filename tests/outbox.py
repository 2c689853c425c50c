"""Waiting until what was written is told: readers of the outbox stay below every transaction still running."""

from core.db import rows

TRIES = 20_000
OPEN = """
SELECT coalesce(max(xid) >= pg_snapshot_xmin(pg_current_snapshot()), false) AS open FROM live_event
"""


def settled() -> None:
    """Return once no transaction on this server (other databases' count too) holds an event of ours back.

    Raises:
        AssertionError: one stays.
    """
    for _ in range(TRIES):
        if not rows(OPEN)[0]["open"]:
            return
    raise AssertionError("a transaction older than the newest event is still running")
