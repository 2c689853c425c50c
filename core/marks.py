"""How far rows can be read by their ids, each exactly once, by rounds that remember the last one."""

from datetime import timedelta
from uuid import UUID

from core.db import rows
from core.ids import first_id_at

MARGIN = timedelta(seconds=10)
"""By how much hosts' clocks, which make the ids, may be behind the database's."""

BOUND = """
SELECT least(clock_timestamp(), min(a.xact_start)) AS bound FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid()
"""


def readable_before(margin: timedelta = MARGIN) -> UUID:
    """Return an id below which no row can appear any more: ids are made inside the transactions that write (ADR 0080).

    Read it in a statement of its own, before the rows.
    """
    return first_id_at(rows(BOUND)[0]["bound"] - margin)
