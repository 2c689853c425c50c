"""A role for web and workers that may call the ledger's functions but not write the ledger's tables.

The role that migrates owns tables and functions. The role given to `guard` reads everything and writes every table but
the ledger's: these are written only by the functions in `AS_OWNER`, which run as their owner with a fixed search path,
so a temporary table of the same name cannot replace the real one. That role can neither disable a trigger nor create a
function.
"""

from collections.abc import Iterator

from django.db import connection, transaction
from psycopg import sql

READ_ONLY = ("escrow_operation", "escrow_entry", "escrow_hold", "escrow_payout", "django_migrations")
WALLETS = "escrow_wallet"
AS_OWNER = (
    "escrow_hold",
    "escrow_close",
    "escrow_credit",
    "escrow_claim",
    "escrow_open",
    "escrow_instant",
    "escrow_instant_cleared",
    "escrow_reverse",
    "escrow_chargeback",
    "escrow_write_off",
    "escrow_payout",
    "escrow_decide_payout",
    "escrow_repair",
    "escrow_freeze_agrees",
    "slots_make_partitions",
    "slots_detachable",
    "slots_detach_partition",
)
LIMITS = """
SELECT unnest(s.setconfig) FROM pg_db_role_setting s
  JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
 WHERE r.rolname = current_user AND d.datname = current_database()
"""
FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
 WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = ANY (%s) ORDER BY 1
"""


def guard(role: str) -> list[str]:
    """Grant `role` what web and workers need and no more, in one transaction; return the statements run.

    Run it as the owner after each `migrate`: a function that was replaced runs as its caller until then, and fails. The
    owner needs CREATEROLE (or to be a superuser) to set the role's time limits.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FUNCTIONS, [list(AS_OWNER)])
        functions = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT current_schema(), current_database()")
        schema, database = cursor.fetchone()
        cursor.execute(LIMITS)
        limits = dict(row[0].split("=", 1) for row in cursor.fetchall())
        texts = [each.as_string() for each in statements(role, schema, database, functions, limits)]
        for text in texts:
            cursor.execute(text)
    return texts


def statements(
    role: str, schema: str, database: str, functions: list[str], limits: dict[str, str]
) -> Iterator[sql.Composed]:
    """Yield the grants: first on everything, then what is revoked on the ledger's tables, then the functions.

    `functions`: their full signatures. `limits`: the owner's time limits, which become the role's.
    """
    names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema), "database": sql.Identifier(database)}
    for text in (
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    ):
        yield sql.SQL(text).format(**names)
    for table in (*READ_ONLY, WALLETS):
        place = sql.Identifier(schema, table)
        yield sql.SQL("REVOKE INSERT, UPDATE, DELETE ON {} FROM {role}").format(place, **names)
    yield sql.SQL("GRANT INSERT, UPDATE (status) ON {} TO {role}").format(sql.Identifier(schema, WALLETS), **names)
    for function in functions:
        signature = sql.SQL(function)  # as the catalog quotes it
        yield sql.SQL("ALTER FUNCTION {} SECURITY DEFINER SET search_path = {schema}, pg_temp").format(
            signature, **names
        )
        yield sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(signature)
        yield sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {role}").format(signature, **names)
    for name, value in limits.items():
        yield sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET {} = {}").format(
            sql.Identifier(name), sql.Literal(value), **names
        )
