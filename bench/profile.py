"""Where one request's time goes: one at a time, in this process, without network; nothing else uses the database.

PostgreSQL counts its own work (`pg_stat_statements`, also inside functions); Python's is counted by cProfile.
"""

import cProfile
import pstats
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO, StringIO
from itertools import cycle, islice
from typing import Any

import psycopg

from bench import cpu, world
from bench.queues import Queues
from bench.server import database, migrated
from xxxchat.stack.folder import PROJECT
from xxxchat.stack.postgres import EmbeddedPostgres

WARM_UP = 50
ROUNDS = 300
MAX_FUNCTIONS = 40
REQUESTS = WARM_UP + 2 * ROUNDS
"""Of each kind: to warm up, to count and to profile."""
WAITING = 3
COUNTED = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "pg_stat_statements.track_planning": "on",
}
INSIDE = """
SELECT toplevel, calls, total_plan_time, total_exec_time, wal_bytes, query FROM pg_stat_statements
 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%%pg_stat%%'
 ORDER BY total_plan_time + total_exec_time DESC LIMIT 40
"""


class Statements:
    """Wall time of each statement as Django waits for it, by its beginning. Without BEGIN and COMMIT."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.times: Counter[str] = Counter()

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            name = " ".join(str(sql).split())[:96]
            self.seconds[name] += time.perf_counter() - began
            self.times[name] += 1


def run() -> None:
    """Print the cost of a spin, of a purchase, and of the start and the finish of an item that others wait behind."""
    with database("profile", COUNTED) as server:
        environment = migrated(server)
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        people = world.make(environment, buyers=REQUESTS, performers=REQUESTS)
        queues = Queues("", server.url, people)
        for name, requests in (
            ("spin", people.spins),
            ("purchase", lambda: people.purchases(cycle(people.rooms))),
            ("start", lambda: iter(queues.starts())),
            ("finish", lambda: iter(queues.finishes())),
        ):
            print(f"\n===== {name} =====")
            if name == "start":
                _ask_all(islice(people.purchases(cycle(people.rooms)), (WAITING - 1) * REQUESTS))
            _one(requests(), server)


def _one(requests: Iterator[bytes], server: EmbeddedPostgres) -> None:
    from django.db import connection

    if server.process is None:
        raise RuntimeError("The database does not run.")
    database = {"postgres": server.process.pid}
    _ask_all(islice(requests, WARM_UP))
    statements, batch = Statements(), list(islice(requests, ROUNDS))
    with closing(psycopg.connect(server.url, autocommit=True)) as counts:
        counts.execute("SELECT pg_stat_statements_reset()")
        served, own, wall = cpu.spent(database)["postgres"], time.process_time(), time.perf_counter()
        with connection.execute_wrapper(statements):
            _ask_all(batch)
        wall, own = time.perf_counter() - wall, time.process_time() - own
        _print_times(wall, own, cpu.spent(database)["postgres"] - served, statements)
        _print_statements(counts)
    _print_calls(list(islice(requests, ROUNDS)))


def _print_statements(counts: psycopg.Connection[Any]) -> None:
    print("Inside PostgreSQL (a function's own statements are indented; its line holds theirs too):")
    print("      plan ms   exec ms     WAL B  times")
    for outer, calls, plan, execution, wal, query in counts.execute(INSIDE):
        text = ("" if outer else "    ") + " ".join(query.split())[:100]
        print(f"  {plan / ROUNDS:>9.3f} {execution / ROUNDS:>9.3f} {wal / ROUNDS:>9.0f} {calls / ROUNDS:>6.1f}  {text}")


def _print_calls(batch: list[bytes]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    _ask_all(batch)
    profiler.disable()
    text = StringIO()
    calls = pstats.Stats(profiler, stream=text)
    calls.sort_stats("cumulative").print_stats(rf"^{PROJECT}/(?!\.venv|bench)", MAX_FUNCTIONS)
    calls.strip_dirs().sort_stats("tottime").print_stats(MAX_FUNCTIONS)
    print(text.getvalue())


def _print_times(wall: float, own: float, server: float, statements: Statements) -> None:
    def ms(seconds: float) -> str:
        return f"{seconds / ROUNDS * 1000:.2f} ms"

    print(f"One request: {ms(wall)} of wall time; processor: {ms(own)} Python, {ms(server)} PostgreSQL.")
    print(f"{statements.times.total() / ROUNDS:.1f} statements, {ms(sum(statements.seconds.values()))} waited for:")
    for name, seconds in sorted(statements.seconds.items(), key=lambda pair: -pair[1]):
        print(f"  {ms(seconds):>9}  x{statements.times[name] / ROUNDS:.1f}  {name}")


def _ask_all(requests: Any) -> None:
    from xxxchat import wsgi

    application: Any = wsgi.application
    for request in requests:
        answer = application(_environ(request), lambda status, headers: _expect(status))
        answer.close()


def _expect(status: str) -> None:
    if not status.startswith("20"):
        raise RuntimeError(f"The answer was {status}.")


def _environ(request: bytes) -> dict[str, Any]:
    """Return the WSGI form of a prepared request."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(field.split(": ", 1) for field in fields)
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": headers.pop("Content-Type"),
        "CONTENT_LENGTH": headers.pop("Content-Length"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    } | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
