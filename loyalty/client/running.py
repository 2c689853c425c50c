"""The client for synchronous code: one event loop in a thread of its own, and one client, a process."""

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from django.db import connection

from loyalty.client.config import Config
from loyalty.client.http import LoyaltyClient

T = TypeVar("T")


class _Loop:
    """A running event loop with a client; made again where the settings changed, as in tests."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loyalty", daemon=True)
        self._thread.start()
        self._client = self._wait(self._opened())

    def run(self, work: Callable[[LoyaltyClient], Awaitable[T]]) -> T:
        return self._wait(self._worked(work))

    def close(self) -> None:
        self._wait(self._client.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _opened(self) -> LoyaltyClient:
        return await LoyaltyClient(self.config).__aenter__()

    async def _worked(self, work: Callable[[LoyaltyClient], Awaitable[T]]) -> T:
        return await work(self._client)


_lock = threading.Lock()
_running: _Loop | None = None


def run(work: Callable[[LoyaltyClient], Awaitable[T]]) -> T:
    """Run `work` with this process's client and return its result; many calls may be in flight in one.

    Raises:
        RuntimeError: a transaction is open. What `work` raises.
    """
    if connection.in_atomic_block:
        raise RuntimeError("RedRoomRewards is never asked inside a transaction.")
    return _current().run(work)


def stop() -> None:
    """Close this process's client and end its thread; the next `run` begins anew."""
    global _running
    with _lock:
        if _running is not None:
            _running.close()
            _running = None


def _current() -> _Loop:
    global _running
    config = Config.of_settings()
    with _lock:
        if _running is not None and _running.config != config:
            _running.close()
            _running = None
        if _running is None:
            _running = _Loop(config)
        return _running


def _forget() -> None:
    """A forked process has the parent's loop without its thread."""
    global _lock, _running
    _lock, _running = threading.Lock(), None


os.register_at_fork(after_in_child=_forget)
atexit.register(stop)
