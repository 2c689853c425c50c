"""The only clock: `core_now()` in the database, which tests may move and nothing else may."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, Func


class CoreNow(Func):
    """`core_now()` as an expression: for `db_default` and for writes."""

    function = "core_now"
    template = "%(function)s()"
    output_field = DateTimeField()


def db_now() -> datetime:
    """Return the database's clock (one statement). Take it once per command, after the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_now()")
        now: datetime = cursor.fetchone()[0]
    return now


def clock_offset() -> timedelta:
    """Return how far the clock of this session is shifted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval")
        offset: timedelta = cursor.fetchone()[0]
    return offset
