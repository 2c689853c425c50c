"""The commands process in a thread of a test: its application, with Django's own behind it, between start and stop."""

import asyncio
import json
import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from django.db import connections
from django.test import Client

from accounts.models import User
from accounts.tokens import issue
from core.wire import CleanHandler
from xxxchat.commands.application import Commands

CSRF = "c" * 32
WITHIN_S = 30
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The code of a refusal; empty for an answer."""
        return str(self.body["error"]["code"]) if self.status >= 400 else ""

    @property
    def replayed(self) -> bool:
        return "idempotent-replayed" in self.headers


def bearer(user: User) -> dict[str, str]:
    """The headers of a client with an access token."""
    return {"Authorization": f"Bearer {issue(user).access}", "Content-Type": "application/json"}


def session(user: User) -> dict[str, str]:
    """The headers of a browser that is signed in, with its CSRF token."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={CSRF}"
    return {"Cookie": cookies, "X-CSRFToken": CSRF, "Content-Type": "application/json"}


class _Closing(CleanHandler):
    """Django's application; no thread keeps a connection that the next test would wait for."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return super().__call__(environ, start_response)
        finally:
            connections.close_all()


class CommandsProcess:
    """`with CommandsProcess() as process: process.post(…)`, from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._application = Commands(_Closing())
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        self._thread = threading.Thread(target=self._loop.run_forever, name="commands")

    def __enter__(self) -> Self:
        self._thread.start()
        self._life: Future[None] = asyncio.run_coroutine_threadsafe(
            self._application({"type": "lifespan"}, self._told.get, self._heard.put), self._loop
        )
        self._tell("lifespan.startup")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Shut down as the server does once it has no request left; a second time does nothing."""
        if self._thread.is_alive():
            self._tell("lifespan.shutdown")
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _tell(self, what: str) -> None:
        async def told() -> Any:
            await self._told.put({"type": what})
            return await self._heard.get()

        hearing = asyncio.run_coroutine_threadsafe(told(), self._loop)
        wait([hearing, self._life], WITHIN_S, FIRST_COMPLETED)
        if self._life.done() and not hearing.done():
            self._life.result()  # it failed
        heard = hearing.result(WITHIN_S)
        assert heard["type"] == f"{what}.complete", heard

    def post(self, path: str, headers: dict[str, str], body: Any) -> Reply:
        """POST and return the answer. A body is JSON, or bytes as they are."""
        return self.begin(path, headers, body).result(WITHIN_S)

    def begin(self, path: str, headers: dict[str, str], body: Any) -> "Future[Reply]":
        """POST; the answer comes later."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run_coroutine_threadsafe(self._asked(path, headers, content), self._loop)

    async def _asked(self, path: str, headers: dict[str, str], content: bytes) -> Reply:
        messages = [{"type": "http.request", "body": content}]
        got: list[Any] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            got.append(message)

        given = {"Host": "localhost", "Content-Length": str(len(content)), **headers}
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "scheme": "http",
        }
        await self._application(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in got[0]["headers"]}
        return Reply(got[0]["status"], found, got[1]["body"])
