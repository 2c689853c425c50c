"""A migrated database has exactly the functions and triggers that the newest SQL files say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, transaction

from core.db import rows
from core.migrating import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

FUNCTIONS = """
SELECT p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS name, pg_get_functiondef(p.oid) AS definition
  FROM pg_proc p WHERE p.pronamespace = %s::regnamespace
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
TRIGGERS = """
SELECT t.tgname || ' on ' || c.relname AS name, pg_get_triggerdef(t.oid) || t.tgenabled::text AS definition
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = %s::regnamespace AND NOT t.tgisinternal AND NOT c.relispartition
"""
BODY = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION .*?^\$\$;$", re.MULTILINE | re.DOTALL)
REST = re.compile(
    r"^(?:(?:CREATE|CREATE CONSTRAINT|DROP|CREATE OR REPLACE) TRIGGER|(?:ALTER|DROP) FUNCTION) [^;]*;$", re.MULTILINE
)


def files() -> list[Path]:
    """Every app's SQL files, each app's in the order of their numbers."""
    folders = [Path(config.path) / "sql" for config in apps.get_app_configs() if Path(config.path).parent == ROOT]
    return [path for folder in folders for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))]


@pytest.fixture
def from_files() -> Iterator[str]:
    """A schema with copies of all tables, and on them what the files create, drop and alter. It is rolled back."""
    texts = [path.read_text(encoding="utf-8") for path in files()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA scratch")
        for row in rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition"
        ):
            cursor.execute(f'CREATE TABLE scratch."{row["relname"]}" (LIKE public."{row["relname"]}")')
        cursor.execute("SET LOCAL search_path = scratch, public")
        for pattern in (BODY, REST):
            for text in texts:
                for statement in pattern.findall(text):
                    cursor.execute(statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        cursor.execute("SET LOCAL search_path = pg_catalog")  # every name is written with its schema
        yield "scratch"
        transaction.set_rollback(True)


def told(query: str, schema: str) -> dict[str, str]:
    unqualified = re.compile(rf"\b{schema}\.")
    return {unqualified.sub("", row["name"]): unqualified.sub("", row["definition"]) for row in rows(query, [schema])}


@pytest.mark.parametrize("query", [FUNCTIONS, TRIGGERS], ids=["functions", "triggers"])
def test_the_database_is_what_the_files_say(from_files: str, query: str) -> None:
    expected, found = told(query, from_files), told(query, "public")

    assert len(expected) > 5
    assert found == expected


def test_every_file_is_run_by_the_migration_of_its_number() -> None:
    for path in files():
        migration = path.parent.parent / "migrations" / f"{path.stem}.py"
        assert f'"{path.relative_to(ROOT)}"' in migration.read_text(encoding="utf-8"), path


def test_no_trigger_sleeps() -> None:
    assert not rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'")
