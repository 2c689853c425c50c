"""Idempotency keys: the key's row, the work and the rendered answer are committed in one transaction."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.db import OperationalError, connection, transaction
from psycopg import errors as pg

from core.db import retried, translated
from core.errors import IdempotencyKeyReused, Refused, RequestInProgress
from core.ids import new_id
from core.shapes import rendered

log = structlog.get_logger()
T = TypeVar("T")
KEY_PATTERN = "[A-Za-z0-9_-]{8,128}"
MAX_KEY_AGE = timedelta(days=30)
MAX_PRUNED_ROWS = 5_000


@dataclass(frozen=True)
class Answer:
    """The first answer to a key, byte for byte."""

    status: int
    body: bytes
    replayed: bool = False


Observer = Callable[[str, str, float], None]
"""Is given a keyed command's operation, its outcome (one of OUTCOMES) and how long it took, in seconds."""
OUTCOMES = ("done", "replayed", "refused", "failed")
_observers: list[Observer] = []
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


KNOWN = "SELECT fingerprint, status, body FROM core_idempotencykey WHERE caller = %s AND operation = %s AND key = %s"
KNOWN_AND = """
SELECT k.fingerprint, k.status, k.body, ARRAY({aside})
  FROM (SELECT) AS always
  LEFT JOIN core_idempotencykey k ON k.caller = %s AND k.operation = %s AND k.key = %s
"""


@dataclass
class Aside:
    """A query of one column that the look-up of a key runs in the same statement; then its `values`."""

    sql: str
    params: Sequence[Any]
    values: list[Any] = field(default_factory=list)


class _KeyTaken(Exception):
    """A concurrent request with this key committed while this one waited for its row."""


def on_command(observer: Observer) -> None:
    """Call `observer` after every keyed command of this process, outside its transaction."""
    _observers.append(observer)


def fingerprint_of(method: str, path: str, body: Any) -> bytes:
    """Return SHA-256 over method, path with its ids, and the canonical form of the body."""
    return hashlib.sha256(f"{method}\n{path}\n{_CANONICAL.encode(body)}".encode()).digest()


def replay(*, caller: UUID, operation: str, key: str, fingerprint: bytes, aside: Aside | None = None) -> Answer | None:
    """Return the first answer to this key, None if it has not been used (one statement, which reads `aside` too).

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
    """
    asked: list[Any] = [caller, operation, key]
    with connection.cursor() as cursor:
        if aside is None:
            cursor.execute(KNOWN, asked)
        else:
            cursor.execute(KNOWN_AND.format(aside=aside.sql), [*aside.params, *asked])
        row = cursor.fetchone()
    if aside is not None:
        *row, aside.values = row
    if row is None or row[0] is None:
        return None
    if bytes(row[0]) != fingerprint:
        raise IdempotencyKeyReused
    return Answer(status=row[1], body=bytes(row[2]), replayed=True)


def once(
    *,
    caller: UUID,
    operation: str,
    key: str,
    fingerprint: bytes,
    work: Callable[[], T],
    render: Callable[[T], Any],
    status: int | Callable[[T], int] = 200,
    before: Callable[[], object] | None = None,
) -> Answer:
    """Do `work` once for this caller, operation and key; return the first answer to every repetition.

    The outermost transaction: key row, work, rendered answer, commit. `before` runs first, in its own transactions.
    `status` may depend on the result. The caller has already called `replay`. A concurrent request with the same key
    waits on the key row, up to the lock time-out (3 s). Deadlocks and serialization failures are retried.

    Raises:
        RequestInProgress: the concurrent request is still running; IdempotencyKeyReused: it was another request;
        whatever `work` raises: nothing was written and the key may be used again.
    """

    def attempt() -> Answer:
        with transaction.atomic():
            row = _claim(caller, operation, key, fingerprint)
            done = work()
            answer = Answer(status(done) if callable(status) else status, rendered(render(done)))
            _store(row, answer)
        log.info("command", operation=operation, caller=str(caller), status=answer.status)
        return answer

    with observed(operation) as observation:
        if before is not None:
            with translated():
                before()
        try:
            answer = retried(attempt)
            observation.outcome = "done"
        except _KeyTaken:
            known = replay(caller=caller, operation=operation, key=key, fingerprint=fingerprint)
            if known is None:
                raise RequestInProgress(retry_after_s=1) from None
            answer, observation.outcome = known, "replayed"
        return answer


@dataclass
class Observation:
    """What is known of a command that runs: until it ends in another way, it has failed."""

    outcome: str = "failed"


@contextmanager
def observed(operation: str) -> Iterator[Observation]:
    """Time the block and give its outcome to the observers."""
    observation = Observation()
    began = time.perf_counter()
    try:
        yield observation
    except Refused:
        observation.outcome = "refused"
        raise
    finally:
        observe(operation, observation.outcome, time.perf_counter() - began)


def observe(operation: str, outcome: str, seconds: float) -> None:
    """Give the observers a command that has ended."""
    for observer in _observers:
        observer(operation, outcome, seconds)


def _claim(caller: UUID, operation: str, key: str, fingerprint: bytes) -> UUID:
    row = new_id()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_idempotencykey (id, caller, operation, key, fingerprint) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (caller, operation, key) DO NOTHING",
                [row, caller, operation, key, fingerprint],
            )
            claimed = cursor.rowcount == 1
    except OperationalError as error:
        if isinstance(error.__cause__, pg.LockNotAvailable):
            raise RequestInProgress(retry_after_s=1) from error
        raise
    if not claimed:
        raise _KeyTaken
    return row


def _store(row: UUID, answer: Answer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_idempotencykey SET status = %s, body = %s WHERE id = %s", [answer.status, answer.body, row]
        )


def prune(*, keep: timedelta = MAX_KEY_AGE) -> int:
    """Delete keys older than `keep`, in transactions of a few thousand rows each; return how many.

    The ledger's own keys are never deleted.
    """
    deleted = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM core_idempotencykey WHERE id IN (SELECT id FROM core_idempotencykey"
                " WHERE at < core_now() - make_interval(secs => %s) ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)",
                [keep.total_seconds(), MAX_PRUNED_ROWS],
            )
            pruned = int(cursor.rowcount)
        deleted += pruned
        if pruned < MAX_PRUNED_ROWS:
            return deleted
