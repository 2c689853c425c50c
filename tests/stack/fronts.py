"""The proxy alone, before an upstream of the test, and clients that send and read as slowly as they like."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.stack.processes import until
from xxxchat.stack import children, ports, proxy
from xxxchat.stack.folder import LOCAL, Folder

SHORT = proxy.Limits(head_s=0.5, request_s=1.0, unread_s=0.5)
LONGER_THAN_SHORT_S = 2.5
BEATS = 10  # of a stream, each sooner than what is not read ends a connection
PAGE = b"a page " * 100_000
FILE = b"a file " * 2_000_000  # more than the buffers of a connection and of the proxy


class Upstream(ThreadingHTTPServer):
    """Web and events in one: records every request it is given, with what it read of the body."""

    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__((ports.LOOPBACK, port), Answer)
        self.seen: list[tuple[str, int]] = []
        self.client = ""
        self.headers: list[str] = []
        self.answering = 0
        self.answered = 0


class Answer(BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.path == "/long":
            threading.Event().wait(LONGER_THAN_SHORT_S)
        self.server.seen.append((self.path, len(self._body())))
        if self.headers["Idempotency-Key"] == "drop":  # as a process that is killed before it answers
            self.close_connection = True
            return
        self.server.client = self.headers["X-Forwarded-For"]
        self.server.headers = [name.lower() for name in self.headers]
        self._send(b"done")

    def do_GET(self) -> None:
        if self.path.startswith("/live/"):
            self._stream()
        elif self.path == "/long":
            threading.Event().wait(LONGER_THAN_SHORT_S)
            self._send(b"done")
        elif self.headers["If-None-Match"] == '"one"':
            self.send_response(304)
            self.end_headers()
        else:
            self._send(FILE if self.path == "/file" else PAGE)

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, body: bytes) -> None:
        self.server.answering += 1
        try:
            self._send_all(body)
        finally:
            self.server.answering -= 1
            self.server.answered += 1

    def _send_all(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(BEATS):
            self.wfile.write(b": still here" + b" " * 1_000 + b"\n\n")
            threading.Event().wait(LONGER_THAN_SHORT_S / BEATS)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@dataclass
class Front:
    """A running proxy and the upstream behind it."""

    port: int
    pid: int
    web: Upstream
    config: proxy.Config
    open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def resident_mib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    @property
    def descriptors(self) -> int:
        """How many files and connections the proxy has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def send(self, head: str, body: bytes = b"", *, receive_bytes: int = 0) -> socket.socket:
        """Open a connection, send the lines of a head and, as far as it is taken within a second, a body."""
        one = socket.socket()
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        one.connect((ports.LOOPBACK, self.port))
        one.sendall(head.replace("\n", "\r\n").encode())
        self.open.append(one)
        one.settimeout(1)
        with suppress(TimeoutError):
            one.sendall(body)
        one.settimeout(10)
        return one

    def hang_up(self) -> None:
        """Close every connection of the test."""
        while self.open:
            self.open.pop().close()


def post(path: str, *headers: str) -> str:
    return "\n".join([f"POST {path} HTTP/1.1", "Host: x", *headers, "", ""])


def everything(one: socket.socket) -> bytes:
    """Read until the proxy closes the connection; it resets one whose body it left unread."""
    answer = b""
    with suppress(ConnectionResetError):
        while piece := one.recv(65_536):
            answer += piece
    return answer


@contextmanager
def upstream(port: int = 0) -> Iterator[Upstream]:
    web = Upstream(port)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield web
    web.shutdown()
    web.server_close()


@contextmanager
def running(
    web: Upstream, limits: proxy.Limits, *, commands_port: int | None = None, every_spin: bool = False
) -> Iterator[Front]:
    """Run a proxy before `web`, which is the commands process too unless there is a port of one, in its own folder."""
    folder = Folder(LOCAL / f"test-{secrets.token_hex(4)}")
    folder.root.mkdir(parents=True)
    port, *bodies = ports.free_ports(3)
    address = web.server_address[1]
    config = proxy.settings(
        listen=[f"{ports.LOOPBACK}:{port}"],
        web_port=address,
        commands_port=commands_port or address,
        events_port=address,
        body_ports=(bodies[0], bodies[1]),
        storage=folder.root / "caddy",
        limits=limits,
        every_spin=every_spin,
    )
    command: list[str | Path] = [proxy.program(), "run", "--config", folder.write("caddy.json", config)]
    with (folder.root / "caddy.log").open("ab") as output:
        process = children.spawn(command, env={"HOME": str(folder.root)}, cwd=folder.root, output=output)
    front = Front(port, process.pid, web, config)
    try:
        until(lambda: not ports.is_free(port), within_s=20)
        yield front
    finally:
        front.hang_up()
        children.kill_tree(process)
        folder.delete()
