"""The events process as a whole: how it starts, fails and stops."""

import asyncio
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

import pytest
from django.conf import settings
from django.db import connection

from accounts.services import create_performer
from live import poller
from live.asgi import Events
from live.poller import Poller
from live.tests.harness import QUICK, running

pytestmark = pytest.mark.django_db(transaction=True)
START_S, STOP_S = 20.0, 3.0


def test_without_a_database_it_reports_that_and_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = {"host": "127.0.0.1", "port": free_port(), "dbname": "nowhere"}
    monkeypatch.setattr(poller, "connection_arguments", lambda: unreachable)
    monkeypatch.setattr(poller, "START_S", 0.2)

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
