"""Moving the clock of a demo or test database."""

from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, connection, transaction

from core.clock import clock_offset
from core.db import rows

_MOVED = """
INSERT INTO core_clock_move (from_offset, to_offset, actor)
VALUES (%(was)s::interval, %(to)s::interval, session_user) RETURNING quote_ident(current_database()) AS database
"""
_OTHERS_END = """
SELECT count(pg_terminate_backend(pid, 10000)) AS ended FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class ClockIsReal(Exception):
    """The database is neither a demo's nor a test's: its clock is not moved."""


def move_clock(to: timedelta) -> int:
    """Set the offset of the database's clock, record the move, and end all of its sessions, this one last.

    Returns how many other sessions were ended: whoever connects from now on has the new time. The role of this session
    must own the database and be allowed to end the sessions of the roles that run the product.

    Raises:
        ClockIsReal: nothing was changed.
    """
    if not settings.RELAXED:
        raise ClockIsReal
    change = f"SET core.clock_offset = '{to // timedelta(seconds=1)} seconds'" if to else "RESET core.clock_offset"
    with transaction.atomic():
        database = rows(_MOVED, {"was": clock_offset(), "to": to})[0]["database"]
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {database} {change}")
    ended: int = rows(_OTHERS_END)[0]["ended"]
    with suppress(OperationalError), connection.cursor() as cursor:  # a pooler would give this session to the next
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()
    return ended
