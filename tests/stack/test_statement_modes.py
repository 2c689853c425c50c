"""Endpoints and back office pass with prepared statements and without, whichever the suite itself runs with (ADR 0043).

With a server of its own it prepares them; the races run without them behind a pool.
"""

import pytest
from django.db import connection

from tests import rerun

FILES = (
    "escrow/tests/admin/test_ledger.py", "escrow/tests/endpoints/test_wallet.py",
    "perfqueue/tests/admin/test_lists.py", "perfqueue/tests/api/test_endpoints.py",
)  # fmt: skip


@pytest.mark.django_db
def test_endpoints_and_back_office_pass_the_other_way_too() -> None:
    prepares = connection.settings_dict["OPTIONS"].get("server_side_binding", False)

    passed = rerun.run(
        FILES, DATABASE_URL=rerun.database_url("either"), DATABASE_PREPARED="false" if prepares else "true"
    )

    assert passed > 100
