"""Waiting until events can be read: readers of the outbox stay below every running transaction."""

import time

from core.db import rows

PATIENCE_S = 30.0
HELD_BACK = "SELECT coalesce(max(xid) >= pg_snapshot_xmin(pg_current_snapshot()), false) AS held FROM live_event"


def settled() -> None:
    """Return once no transaction on this server (of any database) holds events back.

    Raises:
        AssertionError: one is still running after `PATIENCE_S`.
    """
    until = time.monotonic() + PATIENCE_S
    while rows(HELD_BACK)[0]["held"]:
        assert time.monotonic() < until, "a transaction older than the newest event is still running"
