"""Both servers on the test's own database, and a client that sends them the same bytes."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection

from core.ids import new_id
from tests.stack.processes import until
from xxxchat.stack import children, lineup, ports
from xxxchat.stack.folder import PROJECT

NOT_COMPARED = {"date", "server", "connection", "keep-alive", "x-request-id"}
"""Said by the server of HTTP, which the proxy removes; and another one each time."""
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


@dataclass(frozen=True)
class Sent:
    """A request, byte for byte. `closed`: the client ends its side after the last byte."""

    method: str = "POST"
    path: str = "/api/v1/slot-machine/spin"
    body: bytes = b"{}"
    headers: Mapping[str, str | bytes] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        headers: dict[str, str | bytes] = {"Host": "localhost", "X-Forwarded-For": "203.0.113.7"}
        if not any(name.lower() in ("content-length", "transfer-encoding") for name in self.headers):
            headers["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.path} HTTP/1.1".encode()]
        for name, value in (headers | dict(self.headers) | {"Connection": "close"}).items():
            lines.append(name.encode() + b": " + (value.encode() if isinstance(value, str) else value))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


@dataclass(frozen=True)
class Got:
    """An answer without what differs each time."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def alike(self) -> "Got":
        """The same with ids by the order in which they come first, and without times."""
        return Got(self.status, self.headers, alike(self.body.decode()).encode())


def alike(text: str) -> str:
    """Replace each id by its place among the ids, and every time: two of them may be the same by chance."""
    seen: dict[str, str] = {}
    return UUIDS.sub(lambda found: seen.setdefault(found[0], f"<id {len(seen)}>"), TIMES.sub("<time>", text))


def ask(port: int, request: Sent) -> Got:
    """Send a request on a connection of its own and read the whole answer."""
    return answer_to(sent(port, request))


def sent(port: int, request: Sent) -> socket.socket:
    """Send a request on a connection of its own."""
    link = socket.create_connection((ports.LOOPBACK, port), timeout=20)
    link.sendall(request.raw)
    return link


def answer_to(link: socket.socket) -> Got:
    """Read the whole answer to what was sent."""
    with link:
        answer = b""
        while piece := link.recv(65_536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    headers = sorted((name.lower(), value) for name, _, value in pairs if name.lower() not in NOT_COMPARED)
    return Got(int(status.split(" ")[1]), tuple(headers), body)


@dataclass(frozen=True)
class Pair:
    """The ports of web and of the commands process."""

    web: int
    commands: int

    def same(self, *requests: Sent) -> list[Got]:
        """Send requests that change nothing to both; return the answers, which must be equal."""
        answers = []
        for request in requests:
            ours, theirs = ask(self.commands, request), ask(self.web, request)
            assert ours == theirs, f"{str(request)[:2_000]}\n{ours}\n{theirs}"
            answers.append(theirs)
        return answers


@contextmanager
def running(**more: str) -> Iterator[Pair]:
    """Run both servers on the database of this test."""
    pair = Pair(*ports.free_ports(2))
    with serving("web", pair.web, **more), serving("commands", pair.commands, **more):
        yield pair


@contextmanager
def serving(part: str, port: int, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run web or the commands process on the database of this test, as the demo does; kill it at the end."""
    known = {"password": ""} | connection.get_connection_params()  # a pool may need none
    address = "postgres://{user}:{password}@{host}:{port}/{dbname}".format(**known)
    environment = os.environ | {
        "DATABASE_URL": address, "REDIS_URL": settings.REDIS_URL, "APP_MODE": "test", "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "xxxchat.settings", "TRUSTED_PROXIES": "1",
        "PYTHONHASHSEED": "0",  # the directives of a policy come in any order, another in each process
        **more,
    }  # fmt: skip
    web = lineup._web({"WEB_PROCESSES": "1", "WEB_THREADS": "2"}, port)
    words = {
        "web": ["granian", *web, "xxxchat.wsgi:application"],
        "commands": ["uvicorn", *lineup._commands(port, more), "xxxchat.commands.asgi:application"],
    }[part]
    process = children.spawn([sys.executable, "-m", *words], env=environment, cwd=PROJECT, when_orphaned=signal.SIGKILL)
    try:
        until(lambda: _answers(port), within_s=60)
        yield process
    finally:
        children.kill_tree(process)


def _answers(port: int) -> bool:
    try:
        return ask(port, Sent(method="GET", path="/livez")).status == 200
    except OSError:
        return False


def signed(token: str, **headers: Any) -> dict[str, Any]:
    """The headers of a keyed command."""
    usual = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id()), "Content-Type": "application/json"}
    return {name: value for name, value in (usual | headers).items() if value is not None}
