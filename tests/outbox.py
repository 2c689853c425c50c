"""Waiting until what was written is told: readers of the outbox stay below every transaction still running."""

import time

from core.db import rows

PATIENCE_S = 30.0
HELD_BACK = "SELECT coalesce(max(xid) >= pg_snapshot_xmin(pg_current_snapshot()), false) AS held FROM live_event"


def settled() -> None:
    """Return once no transaction on this server (other databases' count too) holds an event of ours back.

    Raises:
        AssertionError: one stays.
    """
    until = time.monotonic() + PATIENCE_S
    while rows(HELD_BACK)[0]["held"]:
        assert time.monotonic() < until, "a transaction older than the newest event is still running"
