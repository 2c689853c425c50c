"""One whole stack for all tests that are its clients, and a stream that is open from its start."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from xxxchat.stack import Stack

ENV = {"SLOTS_MIN_INTERVAL_MS": "0"}


@dataclass
class HeldStream:
    """A stream of live events that nobody closes: when it was opened, what came, and whether it has ended."""

    opened_at: float = field(default_factory=time.monotonic)
    received: bytes = b""
    ended: bool = False
    closing: bool = False

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.opened_at


@dataclass
class Site:
    """The running stack."""

    stack: Stack
    stream: HeldStream


@contextmanager
def held_open(url: str) -> Iterator[HeldStream]:
    """Read the events of a room in a thread until the end of the block."""
    room = httpx.get(f"{url}/api/v1/performer").json()["items"][0]["id"]
    held = HeldStream()
    with httpx.Client(timeout=None) as client, client.stream("GET", f"{url}/live/performer/{room}") as answer:  # noqa: S113
        assert answer.status_code == 200

        def read() -> None:
            try:
                for piece in answer.iter_raw():
                    held.received += piece
            except httpx.HTTPError:
                held.ended = not held.closing
            else:
                held.ended = not held.closing

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        yield held
        held.closing = True


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    """A whole stack with the demo's world, free of an interval between spins."""
    with Stack(env=ENV) as stack, held_open(stack.url) as stream:
        yield Site(stack, stream)


@pytest.fixture(scope="session")
def site(running_site: Site) -> str:
    """The address of that stack."""
    return running_site.stack.url


@pytest.fixture(scope="session")
def held_stream(running_site: Site) -> HeldStream:
    return running_site.stream
