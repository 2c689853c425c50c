"""The events process as a whole: how it starts, fails and stops."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from accounts.services import create_performer
from core.db import rows
from core.ids import new_id
from live import outbox
from live.asgi import Events
from live.poller import Poller
from live.services import Event
from live.tests.harness import QUICK, committed, running, threaded

pytestmark = pytest.mark.django_db(transaction=True)
START_S, STOP_S, STORY_S = 20.0, 3.0, 60.0


def test_without_a_database_it_reports_that_and_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = {"host": "127.0.0.1", "port": free_port(), "dbname": "nowhere"}
    monkeypatch.setattr(outbox, "connection_arguments", lambda: unreachable)
    monkeypatch.setattr(outbox, "START_S", 0.2)

    async def started() -> Any:
        to_app: asyncio.Queue[Any] = asyncio.Queue()
        from_app: asyncio.Queue[Any] = asyncio.Queue()
        await to_app.put({"type": "lifespan.startup"})
        await Events(QUICK)({"type": "lifespan"}, to_app.get, from_app.put)
        return await from_app.get()

    answer = asyncio.run(started())

    assert answer["type"] == "lifespan.startup.failed"
    assert "PoolTimeout" in answer["message"]


def test_a_reader_that_breaks_closes_the_streams_and_opens_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ruby = create_performer(username="ruby", display_name="Ruby")
    broken = asyncio.Event()
    looked = Poller.once

    async def once(self: Poller) -> bool:
        if broken.is_set():
            raise ArithmeticError
        return await looked(self)

    monkeypatch.setattr(Poller, "once", once)

    async def story() -> None:
        async with running() as process:
            room = await process.room(ruby.pk)
            broken.set()
            await room.closed()
            refused = await process.get(f"/live/performer/{ruby.pk}").closed()
            assert (refused.status, refused.body["error"]["code"]) == (500, "INTERNAL_ERROR")

    asyncio.run(story())


def test_other_protocols_get_no_answer() -> None:
    async def silent() -> None:
        await Events(QUICK)({"type": "websocket"}, unasked, unasked)

    async def unasked(*_: Any) -> Any:
        raise AssertionError

    asyncio.run(silent())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The real server in a process of its own, on this test's database."""
    given = connection.settings_dict
    person = f"{quote(given['USER'])}:{quote(given['PASSWORD'])}" if given["PASSWORD"] else quote(given["USER"])
    url = f"postgres://{person}@{given['HOST']}:{given['PORT'] or 5432}/{given['NAME']}"
    environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL, "APP_MODE": "test"}
    options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *options, "xxxchat.asgi:application"],
        env=environment,
        cwd=settings.BASE_DIR,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def connected(port: int, process: subprocess.Popen[bytes]) -> HTTPConnection:
    """Wait until the server listens."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        link = HTTPConnection("127.0.0.1", port, timeout=START_S)
        try:
            link.connect()
        except ConnectionRefusedError:
            link.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        else:
            return link
    raise AssertionError(process.communicate()[1] if process.poll() is not None else "it does not listen")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_though_a_stream_is_open(number: signal.Signals) -> None:
    ruby = create_performer(username="ruby", display_name="Ruby")
    port = free_port()
    with serving(port) as process:
        link = connected(port, process)
        link.request("GET", f"/live/performer/{ruby.pk}")
        stream = link.getresponse()
        first = stream.readline()

        process.send_signal(number)
        began = time.monotonic()
        rest = stream.read()
        process.wait(STOP_S)

        link.close()
        assert (stream.status, first) == (200, b"retry: 1000\n")
        assert rest.startswith(b"id: "), "the answer was ended properly, not broken off"
        assert time.monotonic() - began < STOP_S


ROOMS, STREAMS_OF_A_ROOM, UNHEARD = 20, 10, 2_000
OWN_CONNECTIONS = 2 + 4 + 1  # of the outbox, of the threads, and this one's


def test_two_hundred_streams_over_http_get_the_events_of_their_rooms_among_thousands_that_nobody_hears() -> None:
    rooms = [create_performer(username=f"ruby{number}", display_name="Ruby").pk for number in range(ROOMS)]
    port, before = free_port(), _connections()

    async def listen(room: UUID, opened: asyncio.Semaphore) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /live/performer/{room} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = [await reader.readuntil(b"retry: 1000\n")]
        opened.release()
        while not received[-1].startswith(b"event: queue.changed"):
            received.append(await reader.readuntil(b"\n"))
        received.append(await reader.readuntil(b"\n"))
        received.append(await reader.readuntil(b"\n"))
        writer.close()
        return [line for line in received if line.startswith((b"event: ", b"data: ", b"id: "))][1:]

    async def story() -> list[list[bytes]]:
        opened = asyncio.Semaphore(0)
        listening = [asyncio.create_task(listen(room, opened)) for _ in range(STREAMS_OF_A_ROOM) for room in rooms]
        for _ in listening:
            await opened.acquire()
        assert await threaded(_connections) <= before + OWN_CONNECTIONS
        await committed(*(Event("slots.spin", {}, recipient_id=new_id()) for _ in range(UNHEARD)))
        await committed(
            *(Event("queue.changed", {"performerId": room, "state": "open"}, room_id=room) for room in rooms)
        )
        return await asyncio.gather(*listening)

    with serving(port) as process:
        connected(port, process).close()
        received = asyncio.run(asyncio.wait_for(story(), STORY_S))

    for number, room in enumerate(rooms):
        same = {tuple(each) for each in received[number::ROOMS]}
        assert len(same) == 1, "every stream of a room gets the same bytes"
        event, data, id = same.pop()
        assert (event, json.loads(data[6:])["variables"]["performerId"]) == (b"event: queue.changed\n", str(room))
        assert id.startswith(b"id: ")
    assert len({each[-1] for each in received}) == ROOMS


def _connections() -> int:
    (counted,) = rows("SELECT count(*) AS of_all FROM pg_stat_activity WHERE datname = current_database()")
    return int(counted["of_all"])


FEW = 300


def test_a_soft_limit_of_open_files_is_raised_and_the_hard_one_bounds_the_streams() -> None:
    """In a process of its own: limits cannot be raised again."""
    program = f"""
import resource
from live import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (64, {FEW}))
print(descriptors.allow(150), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(descriptors.allow(4_000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
    told = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, check=True)

    assert told.stdout.split() == [b"150", b"250", b"200", b"300"]
