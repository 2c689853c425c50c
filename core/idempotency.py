"""Idempotency keys: the key's row, the work and the rendered answer are committed in one transaction."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.db import OperationalError, connection, transaction
from psycopg import errors as pg
from rest_framework.renderers import JSONRenderer

from core.db import retried, translated
from core.errors import IdempotencyKeyReused, RequestInProgress
from core.ids import new_id

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


class _KeyTaken(Exception):
    """A concurrent request with this key committed while this one waited for its row."""


def fingerprint_of(method: str, path: str, body: Any) -> bytes:
    """Return SHA-256 over method, path with its ids, and the canonical form of the body."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(f"{method}\n{path}\n{canonical}".encode()).digest()


def replay(*, caller: UUID, operation: str, key: str, fingerprint: bytes) -> Answer | None:
    """Return the first answer to this key, None if it has not been used (one statement).

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, status, body FROM core_idempotencykey"
            " WHERE caller = %s AND operation = %s AND key = %s",
            [caller, operation, key],
        )
        row = cursor.fetchone()
    if row is None:
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
    if before is not None:
        with translated():
            before()

    def attempt() -> Answer:
        with transaction.atomic():
            row = _claim(caller, operation, key, fingerprint)
            done = work()
            answer = Answer(status(done) if callable(status) else status, JSONRenderer().render(render(done)))
            _store(row, answer)
        log.info("command", operation=operation, caller=str(caller), status=answer.status)
        return answer

    try:
        return retried(attempt)
    except _KeyTaken:
        answer = replay(caller=caller, operation=operation, key=key, fingerprint=fingerprint)
        if answer is None:
            raise RequestInProgress(retry_after_s=1) from None
        return answer


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
