"""Start-up checks that need the database: whoever migrates may give functions the setting that the guards check."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from core.db import rows

MAY_NOT = """
SELECT current_user AS role
 WHERE has_schema_privilege(current_schema(), 'CREATE') AND NOT has_parameter_privilege('escrow.writing', 'SET')
"""


@register(Tags.database)
def owner_may_set_the_guards_setting(databases: Sequence[str] | None, **_: Any) -> list[CheckMessage]:
    """Stop `migrate` by a role that is no superuser and may not set `escrow.writing` on a function (ADR 0037)."""
    if not databases:
        return []
    return [
        Error(
            f"The role {row['role']} may not define the ledger's functions: it is no superuser. Nothing was changed.",
            hint=f"As a superuser: GRANT SET ON PARAMETER escrow.writing TO {row['role']}",
            id="escrow.E001",
        )
        for row in rows(MAY_NOT)
    ]
