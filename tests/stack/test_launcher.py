"""The launcher: it stops everything that it started and nothing else, however it ends."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass

import psycopg
import pytest

from tests.stack.processes import alive, until
from xxxchat.stack import EmbeddedPostgres, Stack, StackError, ports
from xxxchat.stack.client import launch
from xxxchat.stack.folder import PROJECT, Folder

pytestmark = pytest.mark.stack

STOPPED_WITHIN_S = 3.0
PARTS = {"postgres", "broker", "proxy", "web", "commands", "events", "worker", "beat", "sweeper"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Stack]:
    """A stack that its tests leave as it was; while it started, somebody asked for `/readyz` all the time."""
    port, started = ports.free_ports(1)[0], threading.Event()

    def poll() -> None:
        while not started.wait(0.02):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()

    with ThreadPoolExecutor(1) as pool:
        polls = pool.submit(poll)
        try:
            with Stack(env={"PORT": str(port)}) as stack:
                started.set()
                polls.result()
                yield stack
        finally:
            started.set()


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


def is_ready_now(stack: Stack) -> bool:
    """Whether it answers; False too while nothing listens."""
    try:
        return is_ready(stack)
    except OSError:
        return False


def kill_at_once(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


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


def test_a_killed_supervisor_is_started_again_with_every_part_and_none_is_left_of_the_first(folder: Folder) -> None:
    with Stack(root=folder.root) as stack:
        before = stack.processes
        (supervisor,) = alive("xxxchat.stack.supervisor", folder.root)

        os.kill(supervisor, signal.SIGKILL)
        until(lambda: "Every part is started again" in stack.log.read_text(), within_s=10)
        until(lambda: is_ready_now(stack), within_s=90)  # no bound is promised: every part starts

        assert set(stack.processes) == PARTS
        assert not set(stack.processes.values()) & set(before.values())
        assert len(alive("bin/postgres", folder.root)) == 1

        kill_at_once(group_of(stack), *alive("xxxchat.stack.supervisor", folder.root))
        until(lambda: ended(stack), within_s=10)

    with Stack(root=folder.root) as again:
        assert is_ready(again)
        os.kill(group_of(again), signal.SIGKILL)
        until(lambda: ended(again), within_s=10)


def test_status_shows_each_part(shared: Stack) -> None:
    until(lambda: all(part.is_up for part in shared.parts), within_s=10)

    done = subprocess.run(
        [sys.executable, "-m", "xxxchat.stack", "--folder", str(shared.folder.root), "status"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
    )

    url, _, heads, *rows = done.stdout.splitlines()
    assert url == shared.url
    assert heads.split() == ["part", "state", "pid", "uptime", "restarts", "last", "end"]
    shown = {row.split()[0]: row.split() for row in rows}
    assert {name: int(columns[2]) for name, columns in shown.items()} == shared.processes
    assert {(columns[1], columns[4]) for columns in shown.values()} == {("RUNNING", "0")}


def test_a_start_under_polls_of_readyz_logs_no_error(shared: Stack) -> None:
    assert "error" not in shared.log.read_text().lower()


@pytest.mark.parametrize("moment", ["Starting database", "Applying migrations", "The demo world is there"])
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
    with pytest.raises(StackError, match=r"manage\.py prepare_demo` failed"):
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


@pytest.mark.parametrize("command", [["manage", "check"], ["status"]], ids=["manage", "status"])
def test_a_command_without_a_demo_reports_that(folder: Folder, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xxxchat.stack", "--folder", str(folder.root), *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )

    assert done.returncode == 1
    assert "No demo runs" in done.stderr
