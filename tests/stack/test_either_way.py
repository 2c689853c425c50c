"""Doors and back office pass with prepared statements and without, whichever the suite itself runs with (ADR 0043).

With a server of its own it prepares them; the races run without them behind a pool.
"""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

FILES = (
    "escrow/tests/test_admin.py", "escrow/tests/test_doors.py",
    "perfqueue/tests/test_admin.py", "perfqueue/tests/test_doors.py",
)  # fmt: skip


@pytest.mark.django_db
def test_doors_and_back_office_pass_the_other_way_too() -> None:
    facts = connection.settings_dict
    prepared = "false" if facts["OPTIONS"].get("server_side_binding") else "true"
    password = f":{facts['PASSWORD']}" if facts["PASSWORD"] else ""
    address = f"{facts['HOST']}:{facts['PORT']}/either_{os.getpid()}"
    named = {
        "DATABASE_URL": f"postgres://{facts['USER']}{password}@{address}", "DATABASE_PREPARED": prepared,
        "APP_MODE": "test", "LOG_LEVEL": "ERROR",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *FILES, "-q", "--no-cov", "--create-db", "-p", "no:xdist"],
        cwd=settings.BASE_DIR, env=os.environ | named, check=False, capture_output=True, text=True,
    )  # fmt: skip

    passed = re.search(r"^(\d+) passed in", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout[-6000:]
    assert int(passed[1]) > 100
