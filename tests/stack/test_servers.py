"""The embedded database and broker, each alone."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tests.stack.processes import alive
from xxxchat.stack import EmbeddedBroker, EmbeddedPostgres, StackError, reach
from xxxchat.stack.children import Account, unprivileged
from xxxchat.stack.folder import Folder
from xxxchat.stack.ports import free_ports, is_free, reserve


@contextmanager
def postgres(folder: Folder, *, durable: bool = True) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder.database, password="s3cret:/@", log=folder.postgres_log, durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def broker(folder: Folder) -> Iterator[EmbeddedBroker]:
    server = EmbeddedBroker(folder.broker, password="s3cret:/@", log=folder.broker_log)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def ask(address: str, sql: str) -> str:
    with closing(psycopg.connect(address, autocommit=True)) as connection:
        cursor = connection.execute(sql.encode())
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


def test_the_database_is_durable_closed_to_strangers_and_keeps_its_data(folder: Folder) -> None:
    with postgres(folder) as server:
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(server.url.replace("s3cret", "guess"), "SELECT 1")
        assert ask(server.url, "SHOW fsync") == "on"
        assert ask(server.url, "SHOW synchronous_commit") == "on"
        assert ask(server.url, "SHOW full_page_writes") == "on"
        assert ask(server.url, "SHOW listen_addresses") == "127.0.0.1"
        ask(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")

    assert alive(folder.root) == {}
    with postgres(folder) as server:
        assert ask(server.url, "SELECT answer FROM kept") == "42"


def test_a_pid_file_that_names_another_living_program_is_dropped(folder: Folder) -> None:
    with postgres(folder) as server:
        pid_file = folder.database / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        assert server.process is not None
        assert lines[0] == str(server.process.pid)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    with postgres(folder) as server:
        assert ask(server.url, "SELECT 1") == "1"


def test_a_server_that_still_serves_the_folder_is_named_and_left_alone(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xxxchat.stack.postgres.LEFTOVER_WITHIN_S", 0.2)
    with postgres(folder, durable=False) as first:
        assert first.process is not None

        with pytest.raises(StackError, match=rf"pid {first.process.pid}\) already serves"), postgres(folder):
            pass

        assert ask(first.url, "SELECT 1") == "1"


def test_data_of_another_major_version_stops_with_a_message(folder: Folder) -> None:
    with postgres(folder, durable=False):
        pass
    (folder.database / "data" / "PG_VERSION").write_text("15\n")

    with (
        pytest.raises(StackError, match=r"made by PostgreSQL 15; this release brings 18.*demo-reset"),
        postgres(folder),
    ):
        pass

    assert alive(folder.root) == {}


def test_a_database_killed_outright_comes_back_with_what_was_committed(folder: Folder) -> None:
    with postgres(folder) as server:
        ask(server.url, "CREATE TABLE kept AS SELECT 7 AS answer")
        assert server.process is not None
        server.process.kill()
        server.process.wait()

    with postgres(folder) as server:
        assert ask(server.url, "SELECT answer FROM kept") == "7"


def test_folders_that_only_root_may_enter_stay_closed(folder: Folder) -> None:
    closed = folder.root / "closed"
    closed.mkdir(mode=0o700)
    inner = Folder(closed / "stack")
    account = unprivileged() if os.geteuid() == 0 else Account(os.getuid(), os.getgid())

    try:
        with postgres(inner, durable=False) as server:
            assert ask(server.url, "SELECT 1") == "1"
        assert closed.stat().st_mode & 0o777 == 0o700
        assert reach.reachable(inner.database.resolve(), account)
        assert inner.database.is_symlink() == (os.geteuid() == 0)
    finally:
        target = inner.database.resolve()
        inner.delete()
    assert not target.exists()


def test_programs_that_the_account_cannot_run_are_copied_whole(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "OUTSIDE", (folder.root,))
    monkeypatch.setattr(reach, "SAMPLES", ("bin/initdb", "missing-for-everyone"))
    monkeypatch.setattr(reach, "reachable", lambda path, account: path.name != "missing-for-everyone")

    programs = reach.programs(Account(os.getuid(), os.getgid()))

    assert programs.is_relative_to(folder.root)
    shown = subprocess.run([programs / "initdb", "--version"], capture_output=True, text=True, check=True)
    assert " 18." in shown.stdout
    assert reach.programs(Account(os.getuid(), os.getgid())) == programs


def test_the_broker_keeps_its_messages(folder: Folder) -> None:
    with broker(folder) as server, redis.Redis.from_url(server.url) as client:
        client.rpush("line", "first")

    assert alive(folder.root) == {}
    with broker(folder) as server, redis.Redis.from_url(server.url) as client:
        assert client.lrange("line", 0, -1) == [b"first"]


def test_free_ports_differ_and_a_taken_one_is_seen() -> None:
    found = free_ports(20)

    assert len(set(found)) == 20
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", found[0]))
        taken.listen()
        assert not is_free(found[0])


def test_a_reserved_port_is_left_to_a_server_that_shares_it() -> None:
    (port,) = free_ports(1)

    with reserve(f"127.0.0.1:{port}"), socket.socket() as server:
        assert not is_free(port)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
    assert is_free(port)


def test_a_port_on_which_closed_connections_linger_is_reserved_too() -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)) as client:
        served, _ = server.accept()
        served.close()  # first, so that it is this side that waits
        client.recv(1)

    with reserve(f"127.0.0.1:{port}"), socket.socket() as proxy:
        proxy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        proxy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        proxy.bind(("127.0.0.1", port))
        proxy.listen()


def test_a_port_on_which_somebody_listens_is_not_reserved() -> None:
    (port,) = free_ports(1)

    with socket.create_server(("127.0.0.1", port)), pytest.raises(StackError, match="taken"):
        reserve(f"127.0.0.1:{port}")


def run_beside_services(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xxxchat.stack", "services", "--", *command],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_services_for_a_command_are_thrown_away_and_its_exit_code_is_kept() -> None:
    program = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL']); sys.exit(7)"

    done = run_beside_services(sys.executable, "-c", program)

    assert done.returncode == 7
    database, broker = done.stdout.split()
    assert database.startswith("postgres://xxxchat:")
    assert broker.startswith("redis://:")
    assert is_free(int(database.rsplit(":", 1)[1].split("/")[0]))


def test_services_that_the_environment_names_are_not_started() -> None:
    program = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"

    done = run_beside_services(sys.executable, "-c", program, DATABASE_URL="postgres://a", REDIS_URL="redis://b")

    assert (done.returncode, done.stdout.split()) == (0, ["postgres://a", "redis://b"])
