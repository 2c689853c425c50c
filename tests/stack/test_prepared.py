"""Statements are prepared on the embedded server, unless the environment says no (ADR 0043)."""

import sys

import pytest

from tests.stack.test_servers import run_beside_services

PROGRAM = """
import django; django.setup()
from django.db import connection
with connection.cursor() as cursor:
    for n in range(5):
        cursor.execute("SELECT %s::integer", [n])
    cursor.execute("SELECT count(*) FROM pg_prepared_statements")
    print(cursor.fetchone()[0])
"""


@pytest.mark.parametrize(("given", "prepared"), [({}, 1), ({"DATABASE_PREPARED": "false"}, 0)], ids=["unset", "false"])
def test_a_repeated_statement_is_prepared(given: dict[str, str], prepared: int) -> None:
    mode = {"APP_MODE": "test", "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "xxxchat.settings"}

    done = run_beside_services(sys.executable, "-c", PROGRAM, **mode, **given)

    assert (done.returncode, done.stdout.split()) == (0, [str(prepared)]), done.stderr
