"""SQL files as migration operations: `<app>/sql/NNNN_name.sql`, never edited after landing."""

from pathlib import Path

from django.db import migrations

ROOT = Path(__file__).resolve().parent.parent


def sql_file(path: str, *, reverse: str = migrations.RunSQL.noop) -> migrations.RunSQL:
    """Return the operation that runs one SQL file, given as `app/sql/NNNN_name.sql`."""
    return migrations.RunSQL((ROOT / path).read_text(encoding="utf-8"), reverse)
