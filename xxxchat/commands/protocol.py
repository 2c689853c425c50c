"""uvicorn's HTTP protocol with one more way to answer: head and body in one write.

uvicorn sends the head of an answer before it has the body: two system calls here and two reads of the proxy. And it
looks through every header for characters that none of ours has. Together they cost a tenth of a spin (ADR 0071).

uvicorn imports this before Django is set up, so it imports nothing of Django.
"""

from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

WHOLE_ANSWER = "xxxchat.whole_answer"
"""The extension of ASGI, in a request's scope: `write_whole` of that request."""
CLOSED = b"connection: close\r\n"


class Protocol(HttpToolsProtocol):
    """Gives the application `WHOLE_ANSWER`; everything else is uvicorn's."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: Any = cycle.scope
        scope["extensions"] = {WHOLE_ANSWER: partial(write_whole, cycle)}
        super()._start_asgi_task(cycle, app)


def write_whole(cycle: RequestResponseCycle, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write an answer; False, and nothing is done, where it has to be sent as usual: the client is slow, or has gone.

    The bytes are those of uvicorn's own `send`, which it stands for. Requires headers with a right Content-Length.
    """
    if cycle.disconnected or cycle.response_started or cycle.flow.write_paused:
        return False
    parts = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        parts += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        parts.append(CLOSED)
    parts += (b"\r\n", body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    cycle.transport.write(b"".join(parts))
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
