"""Answers in one write are those that uvicorn itself would send, byte for byte."""

import asyncio
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from xxxchat.commands.messages import Answered, Receive, Scope, Send, read_body
from xxxchat.commands.protocol import WHOLE_ANSWER, Protocol

HEADERS = [(b"content-type", b"application/json"), (b"x-request-id", b"of-mine"), (b"content-length", b"5")]
DATE = (b"date", b"Sun, 29 Nov 2026 02:00:00 GMT")
POST = b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n%s\r\n{}"
KEPT, CLOSED = POST % b"", POST % b"Connection: close\r\n"
OLD = KEPT.replace(b"HTTP/1.1", b"HTTP/1.0")
EXPECTING = POST % b"Expect: 100-continue\r\n"


class Transport(asyncio.Transport):
    """A client's side that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Application:
    """Answers as the commands process does. `before`: what happens between request and answer."""

    def __init__(self, before: Any = lambda: None, status: int = 200) -> None:
        self.before, self.status = before, status
        self.written: list[bool] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert await read_body(receive) == b"{}"
        self.before()
        answer = Answered(self.status, HEADERS, b"whole", is_simple=True)
        write = scope.get("extensions", {}).get(WHOLE_ANSWER)
        self.written.append(write is not None and write(answer.status, answer.headers, answer.body))
        if not self.written[-1]:
            await answer.send(send)


def conversation(kind: type[HttpToolsProtocol], *received: bytes, application: Any) -> Transport:
    """Give a connection these pieces and return what it wrote."""
    transport = Transport()

    async def run() -> None:
        config = uvicorn.Config(application, lifespan="off", access_log=False, log_level="critical")
        config.load()
        state = ServerState()
        state.default_headers = [DATE]
        protocol = kind(config=config, server_state=state, app_state={})
        if hasattr(application, "protocol"):
            application.protocol = protocol
        protocol.connection_made(transport)
        for piece in received:
            protocol.data_received(piece)
            while state.tasks:
                await asyncio.gather(*state.tasks)
                await asyncio.sleep(0)
        protocol.connection_lost(None)

    asyncio.run(run())
    return transport


@pytest.mark.parametrize(
    "received",
    [[KEPT], [CLOSED], [OLD], [EXPECTING], [KEPT[:20], KEPT[20:]], [KEPT, KEPT], [KEPT + KEPT + CLOSED]],
    ids=["kept", "closed", "1.0", "expecting", "in two pieces", "one after the other", "pipelined"],
)
@pytest.mark.parametrize("status", [200, 201, 402, 429, 503])
def test_an_answer_in_one_write_is_uvicorns(received: list[bytes], status: int) -> None:
    ours, theirs = Application(status=status), Application(status=status)

    answer = conversation(Protocol, *received, application=ours)
    usual = conversation(HttpToolsProtocol, *received, application=theirs)

    assert b"".join(answer.written) == b"".join(usual.written)
    assert answer.is_closed
    assert usual.is_closed
    assert ours.written == [True] * len(theirs.written)
    assert not any(theirs.written)
    answers = [each for each in answer.written if not each.startswith(b"HTTP/1.1 100")]
    assert len(answers) == len(ours.written)


def test_a_client_that_has_gone_is_written_nothing() -> None:
    class Gone(Application):
        protocol: Any = None

    gone = Gone()
    gone.before = lambda: gone.protocol.connection_lost(cast(Any, OSError()))

    class Once(Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            if self.parser is not None:
                super().connection_lost(exc)

    transport = conversation(Once, KEPT, application=gone)

    assert (transport.written, gone.written) == ([], [False])


def test_a_client_that_does_not_read_is_waited_for_as_usual() -> None:
    class Slow(Application):
        protocol: Any = None

    slow = Slow()

    def paused() -> None:
        slow.protocol.pause_writing()
        asyncio.get_running_loop().call_later(0.01, slow.protocol.resume_writing)

    slow.before = paused
    transport = conversation(Protocol, KEPT, application=slow)

    assert slow.written == [False]
    assert b"".join(transport.written).endswith(b"\r\n\r\nwhole")
