"""Open event streams, and how long an event takes from the database to them."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
OPENING_S = 10.0
AT = re.compile(rb'"at": "([^"]+)"')


async def _listen(url: str, path: str, opened: asyncio.Semaphore, delays: list[float]) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname or "localhost", address.port or 80)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"{path}: {status!r}")
    opened.release()
    try:
        while row := await reader.readline():
            if found := AT.search(row):
                delays.append(time.time() - datetime.fromisoformat(found[1].decode()).timestamp())
    finally:
        writer.close()


async def _while_open(url: str, paths: Sequence[str], work: Callable[[], T]) -> tuple[T, list[float]]:
    delays: list[float] = []
    opened = asyncio.Semaphore(0)
    streams = [asyncio.create_task(_listen(url, path, opened, delays)) for path in paths]
    try:
        async with asyncio.timeout(OPENING_S):
            for _ in paths:
                await opened.acquire()
        done = await asyncio.to_thread(work)
        await asyncio.sleep(1)  # until the last events arrive
    finally:
        for stream in streams:
            stream.cancel()
        outcomes = await asyncio.gather(*streams, return_exceptions=True)
    broken = [each for each in outcomes if not isinstance(each, asyncio.CancelledError)]
    if broken:
        raise RuntimeError(f"{len(broken)} streams ended: {broken[0]!r}")
    return done, delays


def while_open(url: str, paths: Sequence[str], work: Callable[[], T]) -> tuple[T, list[float]]:
    """Do `work` while every stream is open; return its result, and the seconds from each event's row to a client.

    An event's time is when its row was written, a little before its commit: the delays are upper bounds.
    """
    return asyncio.run(_while_open(url, paths, work))


def percentile_ms(delays: Sequence[float], share: float) -> float:
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0
