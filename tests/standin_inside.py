"""The stand-in RedRoomRewards in a thread of a test's process: for tests that neither kill nor restart it."""

import asyncio
import threading
from contextlib import AsyncExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from loyalty.standin.faults import Faults
from loyalty.standin.links import Linking
from loyalty.standin.server import StandIn as Server
from loyalty.standin.state import State
from loyalty.standin.steering import Steering
from loyalty.standin.storage import Storage
from loyalty.standin.tokens import Client
from loyalty.standin.webhooks import Sender
from tests.standin import CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET

WITHIN_S = 10


class StandInInside:
    """`with StandInInside(file) as standin: …`; it is asked and steered over HTTP, like one of its own process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="standin")
        self._open = AsyncExitStack()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(WITHIN_S)
        self.steering = Steering(self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.steering.close()
        asyncio.run_coroutine_threadsafe(self._open.aclose(), self._loop).result(WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def settings(self) -> dict[str, str]:
        """The settings by which the product finds it."""
        return {
            "LOYALTY_BACKEND": "redroomrewards",
            "RRR_BASE_URL": self.url,
            "RRR_CLIENT_ID": CLIENT_ID,
            "RRR_CLIENT_SECRET": CLIENT_SECRET,
            "RRR_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }

    async def _start(self) -> str:
        storage = self._open.enter_context(closing(Storage(self._file)))
        faults = Faults(1)
        state = State(
            client=Client(CLIENT_ID, CLIENT_SECRET),
            storage=storage,
            links=Linking(storage, 600.0, None),
            faults=faults,
            webhooks=Sender("", WEBHOOK_SECRET, faults),
        )
        runner = web.ServerRunner(Server(state), shutdown_timeout=0.5)
        await runner.setup()
        self._open.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"
