"""Open event streams, and how long an event takes from its row to them.

The clients are a process of their own (`python -m bench.streams`): on two cores they compete with what they measure,
but not with the interpreter of the load.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import uvloop

from live import descriptors

T = TypeVar("T")
OPENING_S = 60.0
AT_ONCE = 50
LAST_EVENTS_S = 1.0
AT = re.compile(rb'"at": "([^"]+)"')


def while_open(url: str, paths: Sequence[str], work: Callable[[], T]) -> tuple[T, list[float]]:
    """Do `work` while every stream is open; return its result, and the seconds from each event's row to a client.

    An event's time is when its row was written, a little before its commit: the delays are upper bounds.

    Raises:
        RuntimeError: the streams were not open in time, or one of them ended early.
    """
    command = [sys.executable, "-m", "bench.streams", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        if clients.stdin is None or clients.stdout is None:
            raise AssertionError("pipes were asked for")
        try:
            clients.stdin.write(json.dumps(list(paths)) + "\n")
            clients.stdin.flush()
            if clients.stdout.readline() != "open\n":
                raise RuntimeError("The streams were not open in time.")
            done = work()
            received, _ = clients.communicate("\n")
        except BaseException:
            clients.kill()
            raise
    report: dict[str, Any] = json.loads(received)
    if report["ended"]:
        raise RuntimeError(f"{report['ended']} streams ended.")
    return done, report["delays"]


class Client(asyncio.Protocol):
    """One stream. What arrives before all are open does not count."""

    def __init__(self, path: str, delays: list[float]) -> None:
        self.path = path
        self.opened = asyncio.get_running_loop().create_future()
        self.ended = False
        self._delays = delays
        self._transport: Any = None
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if not self.opened.done():
            self.opened.set_result(data.startswith(b"HTTP/1.1 200 "))
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            if found := AT.search(block):
                self._delays.append(now - datetime.fromisoformat(found[1].decode()).timestamp())

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if not self.opened.done():
            self.opened.set_result(False)

    def close(self) -> None:
        self._transport.close()


async def _listen(url: str, paths: Sequence[str]) -> dict[str, Any]:
    """Open the streams, and listen until a line comes; return the delays, and how many streams ended before."""
    loop, address, places = asyncio.get_running_loop(), urlsplit(url), asyncio.Semaphore(AT_ONCE)
    delays: list[float] = []

    async def opened(path: str) -> Client:
        async with places:
            host, port = address.hostname or "localhost", address.port or 80
            _, client = await loop.create_connection(lambda: Client(path, delays), host, port)
            if not await client.opened:
                client.ended = True
        return client

    async with asyncio.timeout(OPENING_S):
        clients = await asyncio.gather(*map(opened, paths))
    delays.clear()
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.sleep(LAST_EVENTS_S)
    ended = sum(client.ended for client in clients)
    for client in clients:
        client.close()
    return {"ended": ended, "delays": [round(delay, 4) for delay in delays]}


def percentile_ms(delays: Sequence[float], share: float) -> float:
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def main() -> None:
    paths = json.loads(sys.stdin.readline())
    descriptors.allow(len(paths))
    print(json.dumps(uvloop.run(_listen(sys.argv[1], paths))))


if __name__ == "__main__":
    main()
