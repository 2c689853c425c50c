"""Emptying a test database whose tables refuse TRUNCATE and DELETE."""

from functools import cache
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.pq import TransactionStatus

import slots.services
from core.db import rows
from xxxchat.reference_data import seed_reference

TABLES = """
SELECT c.oid::regclass::text AS name FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
"""
EMPTY = f"""
SET LOCAL lock_timeout = '20 s';
SET LOCAL session_replication_role = replica;
DO $$
DECLARE
    place text;
BEGIN
    FOR place IN {TABLES}
    LOOP
        EXECUTE 'DELETE FROM ' || place;
    END LOOP;
END
$$;
"""  # noqa: S608

NAME = "emptying"
BLOATED = "SELECT relid::regclass::text AS name FROM pg_stat_user_tables WHERE n_dead_tup > 300 AND n_live_tup < 300"


OPENED = """
CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES;
SELECT pg_advisory_unlock_all(), set_config('core.clock_offset', '', false), pg_stat_force_next_flush();
"""
"""DISCARD ALL but for the plans. A session opened while the clock was shifted would go back to that."""


class Sweeper:
    """A session that empties the database of the tests, since one that switches triggers off forgets its plans."""

    def __init__(self) -> None:
        self._session: psycopg.Connection[Any] | None = None

    def run(self, *statements: sql.Composable) -> None:
        """Run the statements in one transaction, in one round trip."""
        if self._session is None:
            own = {"application_name": NAME, "autocommit": True, "prepare_threshold": None}
            self._session = psycopg.connect(**connection.get_connection_params() | own)
        self._session.execute(sql.SQL(";").join([sql.SQL(EMPTY), *statements]))

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


sweeper = Sweeper()


def empty_database() -> None:
    """Delete every row of every table (triggers off for this transaction alone) and insert the reference rows again.

    They are seeded once and then copied, which takes a third of the time.
    """
    sweeper.run(*copies())
    slots.services.make_partitions()


@cache
def copies() -> list[sql.Composable]:
    """Seed an empty database and return the statements that insert the same rows again."""
    sweeper.run()
    seed_reference()
    copy = sql.SQL("INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, {content})")
    found: list[sql.Composable] = []
    for name in [row["name"] for row in rows(TABLES)]:
        (row,) = rows(f"SELECT json_agg(t)::text AS content FROM {name} t")  # noqa: S608
        if row["content"] is not None:
            found.append(copy.format(table=sql.Identifier(name), content=sql.Literal(row["content"])))
    return found


def renew_session() -> None:
    """Take back what a test set in the session, or close it if that is not possible.

    Django closes it after each test. But a new session reads the catalogue and plans every statement again.
    """
    session = connection.connection
    if session is None:
        return
    if session.closed or session.info.transaction_status != TransactionStatus.IDLE:
        connection.close()
        return
    try:
        session.execute(OPENED, prepare=False)
    except psycopg.OperationalError:  # a test has ended it
        connection.close()
    connection.ensure_timezone()


def vacuum() -> None:
    """Vacuum small tables full of dead rows, without waiting for autovacuum."""
    bloated = ", ".join(row["name"] for row in rows(BLOATED))
    if bloated:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {bloated}")
