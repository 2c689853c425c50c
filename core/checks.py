"""Start-up checks that need the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core.clock import clock_offset


@register(Tags.database)
def clock_is_not_shifted(databases: Sequence[str] | None, **_: Any) -> list[CheckMessage]:
    """Only demo and test databases may carry a shifted clock (`core.clock_offset`)."""
    if not databases or settings.RELAXED or not clock_offset():
        return []
    return [
        Error(
            "The database carries core.clock_offset, which moves every deadline.",
            hint="ALTER DATABASE … RESET core.clock_offset",
            id="core.E001",
        )
    ]


@register(Tags.database)
def database_is_of_this_version(databases: Sequence[str] | None, **_: Any) -> list[CheckMessage]:
    """Stop `migrate` on a database whose migrations of core are none of ours: the first release replaced them."""
    if not databases:
        return []
    ours = {path.stem for path in Path(__file__).with_name("migrations").glob("0*.py")}
    applied = {name for app, name in MigrationRecorder(connection).applied_migrations() if app == "core"}
    if not applied or applied & ours:
        return []
    return [
        Error(
            "The database was made by an earlier version, whose migrations this one has replaced. Nothing was changed.",
            hint="Name a new, empty database in DATABASE_URL, or run the version that made this one.",
            id="core.E002",
        )
    ]
