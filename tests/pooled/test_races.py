"""The concurrency tests pass through PgBouncer in transaction mode: nothing depends on a session."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from tests import rerun
from tests.pooled.pgbouncer import pool

pytestmark = pytest.mark.django_db(transaction=True)
RACES = Path(settings.BASE_DIR) / "tests" / "concurrency"
FRESH = ("test_batches.py", "test_deadlocks.py", "test_gated.py", "test_queue.py", "test_starting.py", "test_hammer.py")
"""They move the clock by a setting of the database, or read a server's counts once its backends have left."""
SHORTER = {"HAMMER_PROCESSES": "4", "HAMMER_OPERATIONS": "400"}


@pytest.fixture
def server() -> str:
    return rerun.database_url("pooled")


def drop(server: str) -> None:
    place = urlsplit(server)
    with psycopg.connect(urlunsplit(place._replace(path="/postgres")), autocommit=True) as direct:
        name = sql.Identifier(f"test_{place.path[1:]}")
        direct.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


@pytest.mark.parametrize("lifetime_s", [3600, 0], ids=["connections shared", "connections used once"])
def test_the_races_pass_through_a_pool(lifetime_s: int, server: str, tmp_path: Path) -> None:
    files = sorted(path for path in RACES.glob("test_*.py") if (path.name in FRESH) == (lifetime_s == 0))

    try:
        with pool(server, tmp_path, lifetime_s=lifetime_s) as pooled:
            passed = rerun.run(files, "--reuse-db", DATABASE_URL=pooled, DATABASE_PREPARED="false", **SHORTER)
    finally:
        drop(server)

    assert passed > 20


def test_control_the_pool_keeps_no_session(server: str, tmp_path: Path) -> None:
    """What is set outside a transaction is not there in the next one: the tests above went through a real pool."""
    postgres = urlunsplit(urlsplit(server)._replace(path="/postgres"))

    with pool(postgres, tmp_path, lifetime_s=0) as pooled, psycopg.connect(pooled, autocommit=True) as client:
        client.execute("SET application_name = 'left behind'")
        pids = {client.execute("SELECT pg_backend_pid()").fetchone() for _ in range(5)}
        client.execute("SET core.clock_offset = '5 s'")
        row = client.execute("SELECT current_setting('core.clock_offset', true)").fetchone()

    assert len(pids) == 5
    assert row is not None
    assert row[0] in (None, "")
