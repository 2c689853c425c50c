"""The load generator against a server whose every answer is known."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, cycle, repeat
from threading import Event, Thread

import pytest

from bench import load
from bench.load import get, percentile_ms, post


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.seen: list[tuple[str, str, bytes]] = []
        self.released = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in; /broken closes the connection, /silent never answers."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, body))
        last = self.path.rpartition("/")[2]
        if last == "broken":
            self.close_connection = True
            return
        if last == "silent":
            self.server.released.wait(30)
            self.close_connection = True
            return
        status = int(last) if last.isdigit() else 201
        self.send_response(status)
        if status == 304:
            self.send_header("ETag", '"1"')
            self.end_headers()
            return
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_each_request_is_sent_once_and_timed(server: Server) -> None:
    body = json.dumps({"betAmount": 100}).encode()
    requests = [post(f"/spin/{number}00", token="t", key="k", body=body) for number in (2, 4)] * 50

    measured = load.run(server.url, iter(requests), seconds=20, connections=8)

    assert measured.statuses == {200: 50, 400: 50}
    assert (measured.done, measured.errors, len(measured.latencies)) == (50, 50, 50)
    assert all(0 < latency < measured.seconds for latency in measured.latencies)
    assert sorted(server.seen) == sorted([("POST", f"/api/v1/spin/{n}00", body) for n in (2, 4)] * 50)


def test_the_wanted_answer_may_be_one_without_a_body(server: Server) -> None:
    requests = [get("/queue/304", If_None_Match='"1"')] * 20 + [get("/queue/200")] * 3

    measured = load.run(server.url, iter(requests), seconds=20, connections=2, wanted={304})

    assert (measured.done, measured.errors) == (20, 3)


def test_a_broken_connection_and_a_late_answer_are_errors_and_the_others_go_on(server: Server) -> None:
    requests = chain([get("/silent"), get("/broken"), get("/broken")], repeat(get("/200"), 30))

    measured = load.run(server.url, requests, seconds=20, connections=2, patience_s=0.3)

    assert measured.statuses == {load.NO_ANSWER: 3, 200: 30}
    assert measured.errors == 3


def test_a_load_ends_when_its_time_is_up(server: Server) -> None:
    measured = load.run(server.url, cycle([get("/200")]), seconds=0.3, connections=4)

    assert 0.3 <= measured.seconds < 5
    assert measured.errors == 0
    assert measured.done == len(server.seen)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with serving() as server:
        url = server.url

    measured = load.run(url, cycle([get("/200")]), seconds=0.3, connections=2)

    assert measured.done == 0
    assert measured.errors >= 2


def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed() -> None:
    seconds = [number / 1000 for number in range(100, 0, -1)]

    assert [percentile_ms(seconds, share) for share in (0.5, 0.95, 0.99, 1.0)] == pytest.approx([50, 95, 99, 100])
    assert percentile_ms([0.007], 0.95) == pytest.approx(7)
    assert percentile_ms([], 0.5) == 0
