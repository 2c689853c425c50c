"""A cheap load generator: keep-alive connections in one event loop, requests prepared as bytes.

On two cores the client competes with what it measures. uvloop and httptools (both run the product's events process
too) and a callback per answer, without tasks or futures, cost about 0.02 ms a request (README.md says how measured).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

PATIENCE_S = 10.0
LOOK_EVERY_S = 0.25
RECONNECT_AFTER_S = 0.1
NO_ANSWER = 0
OK = frozenset({200, 201})


@dataclass
class Measured:
    """The results of a load. Latencies in seconds, of wanted answers only; `statuses` counts all, 0 = no answer."""

    wanted: Collection[int] = OK
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return sum(self.statuses[status] for status in self.wanted)

    @property
    def errors(self) -> int:
        """The number of answers that were not wanted, and of missing answers."""
        return self.statuses.total() - self.done

    def add(self, other: "Measured") -> None:
        """Add the results of another slice of the same load."""
        self.seconds += other.seconds
        self.latencies += other.latencies
        self.statuses += other.statuses


def percentile_ms(seconds: Sequence[float], share: float) -> float:
    """Return a percentile by nearest rank: the smallest value that at least `share` of all do not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)] * 1000 if ordered else 0.0


class _Run:
    """One run of a load: what its connections share."""

    def __init__(self, requests: Iterator[bytes], measured: Measured, ends: float, patience_s: float) -> None:
        self.requests = requests
        self.measured = measured
        self.ends = ends
        self.patience_s = patience_s
        self.is_over = False

    def next_request(self, now: float) -> bytes | None:
        """The next request to send; None when time is up or no request is left."""
        request = None if self.is_over or now >= self.ends else next(self.requests, None)
        self.is_over = request is None
        return request


class _Connection(asyncio.Protocol):
    """One keep-alive connection: each answer sends the next request. `ended` is done when it has closed."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._write: Any = None
        self._transport: Any = None
        self.sent_at: float | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport, self._write = transport, transport.write
        self._send(time.perf_counter())

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()  # counted as a missing answer

    def on_message_complete(self) -> None:
        now, measured = time.perf_counter(), self._run.measured
        status = self._parser.get_status_code()
        measured.statuses[status] += 1
        if status in measured.wanted and self.sent_at is not None:
            measured.latencies.append(now - self.sent_at)
        self.sent_at = None
        if self._parser.should_keep_alive():
            self._send(now)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.sent_at is not None:
            self._run.measured.statuses[NO_ANSWER] += 1
        self.ended.set_result(None)

    def abort_if_late(self, now: float) -> None:
        if self.sent_at is not None and now - self.sent_at > self._run.patience_s:
            self._transport.abort()

    def _send(self, now: float) -> None:
        request = self._run.next_request(now)
        if request is None:
            self._transport.close()
        else:
            self.sent_at = now
            self._write(request)


def run(
    url: str,
    requests: Iterator[bytes],
    *,
    seconds: float,
    connections: int,
    wanted: Collection[int] = OK,
    patience_s: float = PATIENCE_S,
) -> Measured:
    """Send prepared requests for `seconds`, each connection one after the other (a closed loop)."""
    return uvloop.run(_run(url, requests, seconds, connections, Measured(wanted), patience_s))


async def _run(
    url: str, requests: Iterator[bytes], seconds: float, connections: int, measured: Measured, patience_s: float
) -> Measured:
    started = time.perf_counter()
    shared = _Run(requests, measured, started + seconds, patience_s)
    place = urlsplit(url)
    address = place.hostname or "localhost", place.port or 80
    await asyncio.gather(*(_keep_connected(address, shared) for _ in range(connections)))
    measured.seconds = time.perf_counter() - started
    return measured


async def _keep_connected(address: tuple[str, int], run: _Run) -> None:
    """Hold one connection until the run is over; open another when it breaks."""
    while not run.is_over:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: _Connection(run), *address)
        except OSError:
            run.measured.statuses[NO_ANSWER] += 1
            run.is_over = time.perf_counter() >= run.ends
            await asyncio.sleep(RECONNECT_AFTER_S)
            continue
        while not connection.ended.done():
            await asyncio.wait([connection.ended], timeout=LOOK_EVERY_S)
            connection.abort_if_late(time.perf_counter())


def post(path: str, *, token: str, key: str, body: bytes) -> bytes:
    """Return a command with an idempotency key as the bytes of its request."""
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, **headers: str) -> bytes:
    """Return a read of a whole path as the bytes of its request. Header names are written with underscores."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode()
