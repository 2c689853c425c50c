"""A migrated database has the functions, triggers, rules, guards and limits of `*/schema/*.sql`, and no others."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, transaction

from core.db import rows
from core.migrating import ROOT, apply_schema, sql_files
from xxxchat.guarding import guard

pytestmark = pytest.mark.django_db(transaction=True)

FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') AS definition,
       format('DROP FUNCTION %s', p.oid::regprocedure) AS drop
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
TRIGGERS = """
SELECT format('%s on %s', t.tgname, c.relname) AS name, pg_get_triggerdef(t.oid) || t.tgenabled::text AS definition,
       format('DROP TRIGGER %I ON %I', t.tgname, c.relname) AS drop
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal AND NOT c.relispartition
"""
DOMAIN_RULES = """
SELECT format('%s of %s', k.conname, t.typname) AS name,
       format('%s %s %s', format_type(t.typbasetype, t.typtypmod), pg_get_constraintdef(k.oid), k.convalidated)
       AS definition, format('ALTER DOMAIN %I DROP CONSTRAINT %I', t.typname, k.conname) AS drop
  FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid WHERE k.connamespace = 'public'::regnamespace
"""
CONSTRAINTS = """
SELECT format('%s on %s', k.conname, c.relname) AS name,
       format('%s %s', pg_get_constraintdef(k.oid), k.convalidated) AS definition,
       format('ALTER TABLE %I DROP CONSTRAINT %I', c.relname, k.conname) AS drop
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
 WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('c', 'f') AND NOT c.relispartition
   AND k.conname !~ '_check\\d*$|_[0-9a-f]{8}_fk'
"""
"""But the rules of fields and tables, and Django's foreign keys."""
LIMITS = """
SELECT format('%s of %s', split_part(setting, '=', 1), r.rolname) AS name, setting AS definition,
       format('ALTER ROLE %I IN DATABASE %I RESET %I', r.rolname, d.datname, split_part(setting, '=', 1)) AS drop
  FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
 CROSS JOIN unnest(s.setconfig) AS setting WHERE d.datname = current_database()
"""
ASIDE = """
SELECT format('ALTER TABLE %I ALTER COLUMN %I DROP DEFAULT', c.relname, a.attname) AS drop,
       format('ALTER TABLE %I ALTER COLUMN %I SET DEFAULT core_now()', c.relname, a.attname) AS restore
  FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
 WHERE c.relnamespace = 'public'::regnamespace AND pg_get_expr(d.adbin, d.adrelid) = 'core_now()'
UNION ALL
SELECT format('DROP TRIGGER %I ON %I', t.tgname, c.relname), pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relispartition
"""
"""What uses functions and is not of `schema/`: defaults of columns, and the triggers of partitions."""
COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)
CHANGES = {
    "CREATE OR REPLACE FUNCTION escrow_inside() RETURNS boolean LANGUAGE sql AS 'SELECT true'": "escrow_inside()",
    "CREATE FUNCTION escrow_claim(what text) RETURNS void LANGUAGE sql AS 'SELECT 1'": "escrow_claim(text)",
    "DROP FUNCTION slots_store(jsonb)": "slots_store(jsonb)",
    "GRANT EXECUTE ON FUNCTION escrow_repair TO PUBLIC": "escrow_repair(uuid[],uuid[],uuid[],text[])",
    "ALTER TABLE escrow_entry DISABLE TRIGGER escrow_entry_begins": "escrow_entry_begins on escrow_entry",
    "DROP TRIGGER perfqueue_hold_guard ON escrow_hold": "perfqueue_hold_guard on escrow_hold",
    "ALTER DOMAIN escrow_amount DROP CONSTRAINT escrow_amount_in_range": "escrow_amount_in_range of escrow_amount",
    "ALTER TABLE menus_menuitem DROP CONSTRAINT menus_item_type_of_menu": "menus_item_type_of_menu on menus_menuitem",
    "ALTER TABLE menus_menu ADD CONSTRAINT menus_short CHECK (length(title) < 9)": "menus_short on menus_menu",
}


@pytest.fixture
def migrated(transactional_db: None) -> Iterator[None]:
    """The migrated database, its grants given to a role; everything of the test is rolled back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{_role()}"')
        guard(_role())
        yield
        transaction.set_rollback(True)


def test_a_migrated_database_equals_schema(migrated: None) -> None:
    assert len(_catalogue()) > 100
    assert _differences() == set()


@pytest.mark.parametrize("change", CHANGES)
def test_control_one_change_is_one_difference(migrated: None, change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)

    assert _differences() == {CHANGES[change]}


def test_every_definition_stands_once() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sql_files("schema"))
    functions = re.findall(r"^CREATE OR REPLACE FUNCTION (\w+)", text, re.MULTILINE)
    others = re.findall(r"^CREATE .*TRIGGER (\w+) [^;]*? ON (\w+)|ADD CONSTRAINT (\w+)", text, re.MULTILINE)

    assert set(Counter(others).values()) == {1}
    assert Counter(functions) == Counter(row["name"].partition("(")[0] for row in rows(FUNCTIONS))
    assert set(Counter(functions).values()) == {1}, "a function is overloaded"
    assert not re.search(r"(?:ALTER|DROP) FUNCTION", text)


def test_every_frozen_file_is_run_by_the_migration_of_its_name() -> None:
    for path in sql_files("sql"):
        migration = path.parent.parent / "migrations" / f"{path.stem}.py"
        assert f'"{path.relative_to(ROOT)}"' in migration.read_text(encoding="utf-8"), path


def _differences() -> set[str]:
    """Drop what `schema/` holds and make it anew from there; return what is not as it was."""
    found = _catalogue()
    aside = rows(ASIDE)
    with connection.cursor() as cursor:
        for statement in [row["drop"] for row in aside] + [drop for _, drop in found.values()]:
            cursor.execute(statement)
        assert not _catalogue()
        apply_schema()
        for row in aside:
            cursor.execute(row["restore"])
    guard(_role())
    made = _catalogue()
    return {name for name in found.keys() | made.keys() if found.get(name) != made.get(name)}


def _catalogue() -> dict[str, tuple[str, str]]:
    """What there is, by name: its definition, without lines of comment, and the statement that drops it."""
    of_models = {constraint.name for model in apps.get_models() for constraint in model._meta.constraints}
    found = [row for query in (TRIGGERS, FUNCTIONS, DOMAIN_RULES, CONSTRAINTS, LIMITS) for row in rows(query)]
    return {
        row["name"]: (COMMENT.sub("", row["definition"]), row["drop"])
        for row in found
        if row["name"].partition(" on ")[0] not in of_models
    }


def _role() -> str:
    return f"in_force_{connection.settings_dict['NAME']}"  # roles belong to the server, and tests run side by side
