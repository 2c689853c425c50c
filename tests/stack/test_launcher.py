"""The launcher: it stops everything that it started and nothing else, however it ends."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest

from tests.stack.processes import alive, until
from xxxchat.stack import EmbeddedPostgres, Stack, StackError
from xxxchat.stack.client import launch
from xxxchat.stack.folder import PROJECT, Folder

pytestmark = pytest.mark.stack

STOPPED_WITHIN_S = 3.0
PARTS = {"postgres", "broker", "proxy", "web", "events", "worker", "beat", "sweeper"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Stack]:
    """A stack that its tests leave as it was."""
    with Stack() as stack:
        yield stack


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else: it must survive everything here."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    assert process.poll() is None
    process.kill()
    process.communicate()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    stack: Stack, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=20)
    with closing(connection):
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def get(stack: Stack, path: str, **headers: str) -> Answer:
    return ask(stack, "GET", path, headers=headers)


def is_ready(stack: Stack) -> bool:
    return get(stack, "/readyz").status == 200


def group_of(stack: Stack) -> int:
    assert stack.launcher is not None
    return stack.launcher.pid


def mark(stack: Stack, sql: str) -> str:
    with closing(psycopg.connect(stack.database_url, autocommit=True)) as connection:
        cursor = connection.execute(sql.encode())
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


def ended(stack: Stack) -> bool:
    assert stack.launcher is not None
    return stack.launcher.poll() is not None and not alive(stack.folder.root)


def test_the_product_runs_as_a_role_that_cannot_write_the_ledger(shared: Stack) -> None:
    with closing(psycopg.connect(shared.environment["DATABASE_URL"], autocommit=True)) as connection:
        assert connection.execute("SELECT count(*) FROM escrow_entry").fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE escrow_wallet SET available = 0")


def test_two_stacks_run_side_by_side_and_a_signal_to_one_group_ends_that_one_alone(
    folder: Folder, bystander: subprocess.Popen[bytes]
) -> None:
    with Stack() as other, Stack(root=folder.root) as stack:
        assert is_ready(stack)
        assert is_ready(other)
        assert set(stack.processes) == PARTS
        mark(stack, "CREATE TABLE kept AS SELECT 1 AS answer")

        os.killpg(group_of(stack), signal.SIGTERM)
        os.killpg(group_of(stack), signal.SIGINT)
        took_s = until(lambda: ended(stack), within_s=10)

        assert took_s < STOPPED_WITHIN_S
        assert stack.launcher is not None
        assert stack.launcher.returncode == 0
        assert is_ready(other)

        with Stack(root=folder.root) as again:
            assert mark(again, "SELECT answer FROM kept") == "1"
            assert again.environment["SEED_KEY"] == stack.environment["SEED_KEY"]
    assert alive(other.folder.root) == {}
    assert not other.folder.root.exists()


def test_the_proxy_passes_requests_on_without_naming_itself(shared: Stack) -> None:
    answer = get(shared, "/livez", Host="shop.example")
    assert (answer.status, answer.body) == (200, b'{"status": "ok"}')
    assert answer.headers["Server"] is None
    assert answer.headers["Via"] is None

    events = get(shared, "/live/me")
    assert events.status == 401

    large = ask(shared, "POST", "/api/v1/slot-machine/spin", body=b"x" * (15 * 1024 * 1024))
    assert large.status == 401  # sign-in comes first, and the rest of the body is read

    assert (shared.folder.root / "caddy" / "instance.uuid").exists()  # not in anybody's home

    assert shared.manage("check").returncode == 0
    assert shared.manage("no_such_command", check=False).returncode == 1
    assert get(shared, "/readyz").status == 200


def test_a_killed_process_ends_the_stack_which_names_it() -> None:
    with Stack() as stack:
        web = stack.processes["web"]

        os.kill(web, signal.SIGKILL)
        until(lambda: ended(stack), within_s=10)

        assert stack.launcher is not None
        assert stack.launcher.returncode == 1
        assert "web ended: killed by SIGKILL" in stack.log.read_text()


def test_a_killed_database_ends_the_stack_which_names_it() -> None:
    with Stack() as stack:
        os.kill(stack.processes["postgres"], signal.SIGKILL)
        until(lambda: ended(stack), within_s=10)

        assert "postgres ended: killed by SIGKILL" in stack.log.read_text()


def test_a_killed_launcher_leaves_no_process_behind() -> None:
    with Stack() as stack:
        os.kill(group_of(stack), signal.SIGKILL)

        until(lambda: ended(stack), within_s=10)


@pytest.mark.parametrize("moment", ["Starting database", "Applying migrations", "web started"])
def test_a_start_that_is_interrupted_leaves_no_process_behind(folder: Folder, moment: str) -> None:
    log = folder.root / "stack.log"
    with log.open("wb") as output:
        launcher = launch(folder.root, {}, output)
    until(lambda: moment in log.read_text() or launcher.poll() is not None, within_s=30)

    os.killpg(launcher.pid, signal.SIGTERM)
    took_s = until(lambda: launcher.poll() is not None and not alive(folder.root), within_s=10)

    assert took_s < STOPPED_WITHIN_S
    assert launcher.returncode == 0
    assert "Traceback" not in log.read_text()
    launcher.communicate()


def test_a_failed_step_leaves_no_process_behind_and_is_named(folder: Folder) -> None:
    with pytest.raises(StackError, match=r"manage\.py migrate` failed"):
        Stack(root=folder.root, env={"PLATFORM_FEE_BPS": "20000"}).start()

    assert alive(folder.root) == {}


def test_data_of_an_earlier_version_stops_the_stack_and_is_kept(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = folder.secrets()["DATABASE_PASSWORD"]

    def database(sql: str) -> list[tuple[str]]:
        server = EmbeddedPostgres(folder.database, password=password, log=folder.postgres_log)
        try:
            server.start()
            with closing(psycopg.connect(server.url, autocommit=True)) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []
        finally:
            server.stop()

    database("CREATE TABLE django_migrations AS SELECT 'core' AS app, '0001_clock' AS name")
    with pytest.raises(StackError, match="was made by an earlier version: make demo-reset"):
        Stack(root=folder.root).start()

    assert alive(folder.root) == {}
    monkeypatch.setattr(EmbeddedPostgres, "_check_release", lambda self: None)
    assert database("SELECT name FROM django_migrations") == [("0001_clock",)]


def test_a_taken_port_is_reported_before_anything_starts(folder: Folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StackError, match=f"Port {port} on 127.0.0.1 is taken"):
            Stack(root=folder.root, env={"PORT": str(port)}).start()

    assert not folder.database.exists()


def test_a_folder_serves_one_stack_at_a_time_and_is_not_deleted_under_it(folder: Folder) -> None:
    folder.acquire()

    with pytest.raises(StackError, match="already runs"):
        Stack(root=folder.root).start()
    with pytest.raises(StackError, match="already runs"):
        Folder(folder.root).delete()

    folder.release()


def test_manage_without_a_demo_reports_that(folder: Folder) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xxxchat.stack", "--folder", str(folder.root), "manage", "check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )

    assert done.returncode == 1
    assert "No demo runs" in done.stderr
