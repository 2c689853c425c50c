"""Start-up checks that need the database."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from core.clock import clock_offset


@register(Tags.database)
def clock_is_honest(databases: Sequence[str] | None, **_: Any) -> list[CheckMessage]:
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
