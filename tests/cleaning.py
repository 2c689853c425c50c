"""Emptying a test database whose tables refuse TRUNCATE and DELETE."""

from django.db import connection, transaction

from core.db import rows
from xxxchat.reference_data import seed_reference

EMPTY = """
DO $$
DECLARE
    place regclass;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR place IN
        SELECT c.oid::regclass FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP
        EXECUTE 'DELETE FROM ' || place;
    END LOOP;
END
$$;
"""

BLOATED = "SELECT relid::regclass::text AS name FROM pg_stat_user_tables WHERE n_dead_tup > 300 AND n_live_tup < 300"


def empty_database() -> None:
    """Delete every row of every table (triggers off for this transaction alone) and seed the reference rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(EMPTY)
    seed_reference()


def vacuum() -> None:
    """Vacuum small tables full of dead rows, without waiting for autovacuum."""
    bloated = ", ".join(row["name"] for row in rows(BLOATED))
    if bloated:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {bloated}")
