"""The ordinary endpoints in this process: Django's WSGI application in a few threads, each with a connection.

The application gets what the web processes' server (granian) would give it, so its answers are theirs to the letter.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from io import BytesIO
from typing import Any

from core import handover
from core.handover import HandedOver
from xxxchat.commands.messages import Answered, Scope, peer_of, text_of

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
WITHOUT_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")


class OrdinaryEndpoints:
    """Answers any request. So many threads work and so many requests wait for one at most; others are refused.

    `hands_over`: whether commands may be handed over (`core.handover`) to whoever asks for the answer.
    """

    def __init__(self, application: Wsgi, *, threads: int, waiting: int, hands_over: bool = False) -> None:
        self._application = application
        self._hands_over = hands_over
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ordinary")
        self._places = threads + waiting

    async def answer(
        self, scope: Scope, body: bytes, outcome: handover.Outcome | None = None
    ) -> Answered | HandedOver | None:
        """Return the application's answer; None if too many wait. The request is carried out even if nobody waits.

        `HandedOver`: its command is to run first, and the request again with the outcome.
        """
        if not self._places:
            return None
        self._places -= 1
        loop = asyncio.get_running_loop()
        running = self._pool.submit(self._respond, environ_of(scope, body), outcome)
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._left))
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Begin no more; those that are running end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _respond(self, environ: dict[str, Any], outcome: handover.Outcome | None) -> Answered | HandedOver:
        if not self._hands_over:
            return respond(self._application, environ)
        try:
            with handover.running(outcome):
                return respond(self._application, environ)
        except HandedOver as handed_over:
            return handed_over

    def _left(self) -> None:
        self._places += 1


def respond(application: Wsgi, environ: dict[str, Any]) -> Answered:
    """Run a WSGI application to the end of its answer."""
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        started[:] = [int(status[:3]), headers]

    answer = application(environ, start)
    with closing(answer) if hasattr(answer, "close") else nullcontext():  # type: ignore[type-var]
        body = b"".join(answer)
    status, headers = started
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Answered(status, raw, body)


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return what granian makes of a request."""
    address, port = scope.get("server") or ("127.0.0.1", 80)
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": address,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": peer_of(scope),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **_variables(scope["headers"]),
    }


def _variables(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Join what comes twice; a value that is not ASCII is empty."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        between = b";" if name == b"cookie" else b","
        joined[name] = joined[name] + between + value if name in joined else value
    found = {}
    for name, value in joined.items():
        variable = name.decode("latin-1").upper().replace("-", "_")
        found[variable if variable in WITHOUT_PREFIX else f"HTTP_{variable}"] = text_of(value)
    return found
