"""The SQL of our apps: `<app>/schema/*.sql` is in force, `<app>/sql/NNNN_name.sql` is a migration's frozen copy."""

from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.db import connection, migrations, transaction

ROOT = Path(__file__).resolve().parent.parent


def sql_file(path: str, *, reverse: str = migrations.RunSQL.noop) -> migrations.RunSQL:
    """Return the operation that runs one SQL file, given as `app/sql/NNNN_name.sql`."""
    return migrations.RunSQL((ROOT / path).read_text(encoding="utf-8"), reverse)


def sql_files(folder: str) -> Iterator[Path]:
    """Yield our apps' SQL files in that folder (`schema` or `sql`) by name; an app comes after those that it needs."""
    for config in apps.get_app_configs():
        if Path(config.path).parent == ROOT:
            yield from sorted(Path(config.path, folder).glob("*.sql"))


def apply_schema() -> None:
    """Make functions, triggers and rules those of `schema/`. What is in none of its files stays as it is."""
    with transaction.atomic(), connection.cursor() as cursor:
        for path in sql_files("schema"):
            cursor.execute(path.read_text(encoding="utf-8"))
