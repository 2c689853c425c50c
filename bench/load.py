"""A cheap load generator: keep-alive connections in one event loop, requests prepared as bytes.

On two cores the client competes with what it measures. uvloop and httptools (both run the product's events process
too) need about a twentieth of what a general HTTP client spends on a request.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

PATIENCE_S = 10.0


@dataclass
class Measured:
    """The results of a load. Latencies in seconds, of answers below 500 only; `statuses` counts all, 0 = no answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return self.statuses[200] + self.statuses[201]

    @property
    def errors(self) -> int:
        """The number of server errors and missing answers."""
        return sum(count for status, count in self.statuses.items() if status == 0 or status >= 500)

    @property
    def per_second(self) -> float:
        return self.done / self.seconds if self.seconds else 0.0

    def add(self, other: "Measured") -> None:
        """Add the results of another load."""
        self.seconds += other.seconds
        self.latencies += other.latencies
        self.statuses += other.statuses

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[int] | None = None
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_status(0)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.parser = httptools.HttpResponseParser(self)
        self._set_status(status)

    def _set_status(self, status: int) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(status)

    async def send(self, request: bytes) -> int:
        """Send a request; return the status of its answer, 0 if the connection broke or time ran out."""
        if self.transport is None or self.transport.is_closing():
            return 0
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            return await asyncio.wait_for(self.answer, PATIENCE_S)
        except TimeoutError:
            self.transport.close()
            return 0


def run(url: str, requests: Iterator[bytes], *, seconds: float, connections: int) -> Measured:
    """Send prepared requests for `seconds`, each connection one after the other (a closed loop)."""
    return uvloop.run(_run(url, requests, seconds, connections))


async def _run(url: str, requests: Iterator[bytes], seconds: float, connections: int) -> Measured:
    measured = Measured()
    started = time.perf_counter()
    ends = started + seconds
    await asyncio.gather(*(_client(url, requests, ends, measured) for _ in range(connections)))
    measured.seconds = time.perf_counter() - started
    return measured


async def _client(url: str, requests: Iterator[bytes], ends: float, measured: Measured) -> None:
    connection = await _connect(url)
    for request in requests:
        began = time.perf_counter()
        if began >= ends:
            return
        status = await connection.send(request)
        measured.statuses[status] += 1
        if status == 0:
            connection = await _connect(url)
        elif status < 500:
            measured.latencies.append(time.perf_counter() - began)


async def _connect(url: str) -> Connection:
    place = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, place.hostname or "localhost", place.port or 80
    )
    return connection


def post(path: str, *, token: str, key: str, body: bytes) -> bytes:
    """Return a command with an idempotency key as the bytes of its request."""
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """Return a read without authentication as the bytes of its request."""
    return f"GET /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
