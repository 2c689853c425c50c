"""The only clock: `core_now()` in the database; only tests and the demo may shift it."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, Func


class CoreNow(Func):
    """`core_now()` as an expression: for `db_default` and for writes."""

    function = "core_now"
    template = "%(function)s()"
    output_field = DateTimeField()


class RealNow(Func):
    """The server's clock, which `core.clock_offset` does not move."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = DateTimeField()


def db_now() -> datetime:
    """Return the database's clock (one statement). Read it once per command, after the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_now()")
        now: datetime = cursor.fetchone()[0]
    return now


def clock_offset() -> timedelta:
    """Return the offset of this session's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval")
        offset: timedelta = cursor.fetchone()[0]
    return offset
