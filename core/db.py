"""Transactions and locks. Lock first, then read; nothing slow inside a transaction.

`command` opens the outermost transaction of a page, an admin action or a task; `core.idempotency.once` that of a
request with a key. Services use `joined`, which works in both.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Model, QuerySet
from psycopg import errors as pg

from core.errors import DomainError, LedgerUnavailable, NotFound, QueueBusy

M = TypeVar("M", bound=Model)
R = TypeVar("R")
T = TypeVar("T")
ATTEMPTS = 3
_pause = threading.Event()


@contextmanager
def joined() -> Iterator[None]:
    """Join the open transaction without a savepoint, or open one."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        yield


def command(work: Callable[[], T], *, before: Callable[[], object] | None = None) -> T:
    """Run `before` in transactions of its own, then `work` in one; retry deadlocks and serialization failures.

    Raises:
        QueueBusy: lock time-out; LedgerUnavailable: the database was not reached. Nothing was written.
    """
    if connection.in_atomic_block:
        raise RuntimeError("A command opens the outermost transaction; it cannot run inside one.")
    if before is not None:
        with translated():
            before()
    return retried(transaction.atomic(work))


def rehearsed(work: Callable[[], T]) -> T:
    """Run `work` as `command` would, roll it back, and return its result (or raise its refusal): a preview."""

    def attempt() -> T:
        with transaction.atomic():
            previewed = work()
            transaction.set_rollback(True)
            return previewed

    return retried(attempt)


def retried(work: Callable[[], T]) -> T:
    """Call `work`, which opens its own transaction, up to three times, with jitter between."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with translated():
                return work()
        except OperationalError as error:
            if attempt == ATTEMPTS or not isinstance(error.__cause__, pg.DeadlockDetected | pg.SerializationFailure):
                raise
            _pause.wait(random.uniform(0.005, 0.03) * attempt)  # noqa: S311  jitter, not a secret
    raise AssertionError("unreachable")


@contextmanager
def translated() -> Iterator[None]:
    """Translate lock time-outs and lost connections into `QueueBusy` and `LedgerUnavailable`."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_of(error: BaseException) -> DomainError | None:
    """Return the refusal for a database error, Django's or the driver's; None for a defect or an error to retry."""
    match error if isinstance(error, pg.Error) else error.__cause__:
        case pg.LockNotAvailable():
            return QueueBusy(retry_after_s=1)
        case pg.DeadlockDetected() | pg.SerializationFailure():
            return None
        case pg.OperationalError() | pg.InterfaceError():
            return LedgerUnavailable(retry_after_s=5)
    return None


def lock_name(name: str) -> None:
    """Lock a name (advisory) until the transaction ends, where there is no row that could be locked."""
    rows("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_lock_name(name: str) -> bool:
    """Lock a name like `lock_name` without waiting; False if another transaction holds it."""
    return bool(rows("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS locked", [name])[0]["locked"])


def glance(sql: str, params: Sequence[Any]) -> dict[str, Any]:
    """Run one read and return its first row. Raises NotFound if there is none.

    Whether the connection is usable is not asked first, which would double the cost: on one that is not, the read runs
    once more.
    """
    cast(Any, connection).health_check_done = True
    try:
        found = rows(sql, params)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        found = rows(sql, params)
    if not found:
        raise NotFound
    return found[0]


def constraint_of(error: IntegrityError) -> str:
    """Return the name of the violated constraint; empty for an exception raised by a trigger."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, pg.IntegrityError) else ""


def first_or_not_found(found: QuerySet[M, R]) -> R:
    """Return the first row (one statement); raises NotFound if there is none."""
    row = found.first()
    if row is None:
        raise NotFound
    return row


def array(values: Sequence[object]) -> str:
    """An array as PostgreSQL's text, parsed as the parameter's type. The driver's own dumper takes 40 µs more."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return f"{{{_LISTS.get(kinds.pop(), _texts)(values)}}}"
    return f"{{{','.join([_LISTS.get(type(value), _texts)([value]) for value in values])}}}"


def _texts(values: Sequence[object]) -> str:
    texts = list(map(str, values))
    together = "".join(texts)
    if "\\" in together or '"' in together:
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    listed = '","'.join(texts)
    return f'"{listed}"'


_LISTS: dict[type, Callable[[Sequence[Any]], str]] = {
    type(None): lambda values: ",".join(["NULL"] * len(values)),
    UUID: lambda values: ",".join([f"{value.int:032x}" for value in values]),  # without hyphens: in half the time
    int: lambda values: ",".join(map(str, values)),
    bytes: lambda values: ",".join([f'"\\\\x{value.hex()}"' for value in values]),
}


def rows(sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Run one statement and return its rows by column name. Without params `%` needs no escape."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
