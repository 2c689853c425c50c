"""Keyed commands whose key is inserted last, with its answer: load, decide, store, over a list of requests.

A `Batch` is the rules of one command for a list of requests. It says what to load and what to store, and runs no
statement itself, so that one set of rules serves both ways to run it: `run_alone`, a list of one on Django's
connection (ordinary endpoints and pages), and `core.batching`, many people's requests in two round trips.

Invariant: twins (requests with the same key) meet on the lock of what they are about, which `Batch.load` takes first;
whoever comes second finds the first one's answer. A key that is taken all the same rolls the transaction back.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import structlog
from django.db import IntegrityError, connection, transaction

from core.db import array, constraint_of, retried, translated
from core.errors import DomainError, IdempotencyKeyReused, InternalError, Refused, RequestInProgress
from core.idempotency import Answer, observed
from core.ids import new_id_texts
from core.origin import Origin
from core.shapes import rendered

log = structlog.get_logger()
Input = TypeVar("Input")
T = TypeVar("T")
Row = tuple[Any, ...]
KEY_CONSTRAINT = "core_key_once"
TRIES = 3

# LIMIT keeps a look-up by the whole key for each request: a join planned while there are few keys would go through all
# that are stored of the operation.
KNOWN = """
SELECT k.caller, k.key, k.fingerprint, k.status, k.body
  FROM unnest(%(callers)s::uuid[], %(keys)s::text[]) AS asked (caller, key)
 CROSS JOIN LATERAL (
    SELECT i.caller, i.key, i.fingerprint, i.status, i.body FROM core_idempotencykey i
     WHERE i.caller = asked.caller AND i.operation = %(operation)s AND i.key = asked.key
     LIMIT 1) AS k
"""
KEEP = """
INSERT INTO core_idempotencykey (id, caller, operation, key, fingerprint, status, body)
SELECT n.id, n.caller, %(operation)s, n.key, n.fingerprint, n.status, n.body
  FROM unnest(%(ids)s::uuid[], %(callers)s::uuid[], %(keys)s::text[], %(fingerprints)s::bytea[],
              %(statuses)s::smallint[], %(bodies)s::bytea[]) AS n (id, caller, key, fingerprint, status, body)
 ORDER BY n.caller, n.key
"""


COUNTED = """
WITH wanted (rows) AS (SELECT {wanted}::bigint), stored AS MATERIALIZED ({sql})
SELECT CASE WHEN s.rows = w.rows THEN 0 ELSE (s.rows || ' rows instead of ' || w.rows)::int END
  FROM wanted w, (SELECT count(*) AS rows FROM stored) s
"""


@dataclass(frozen=True, slots=True)
class Begun:
    """What `Batch.decide` returns where a command has only begun: it is stored, and its key has no answer yet."""

    value: Any


class Later(Exception):
    """Somebody else has locked what this request needs, or it needs what the ordinary endpoint alone does."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its parameters, by name or in order. `rows`: how many it must return or write; None: any.

    The database itself counts what `Batch.store` writes, before the commit; what these statements return is not read.
    `through`: what a request alone runs it through, such as a circuit breaker; whoever runs batches has its own.
    """

    sql: str
    params: Any = None
    rows: int | None = None
    through: Callable[[Callable[[], Any]], Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest(Generic[Input]):
    """One person's request of a keyed command.

    `claims`: what the caller's token says, which `Batch.admit` compares with the account; None where the endpoint has
    authenticated the caller itself. `origin`: where the request comes from.
    """

    caller_id: UUID
    claims: Any
    key: str
    fingerprint: bytes
    request_id: str
    origin: Origin
    input: Input


class Batch(ABC, Generic[Input]):
    """A command's rules over requests that share a transaction; a place is an index into `requests`.

    `wait`: locks wait for whoever holds them, up to the lock time-out; without it, what is locked is left out and
    `decide` raises `Later` for it.
    """

    operation: ClassVar[str]

    def __init__(self, requests: Sequence[KeyedRequest[Input]], *, wait: bool) -> None:
        self.requests = requests
        self.wait = wait

    @abstractmethod
    def load(self) -> Sequence[Statement]:
        """Return the statements that lock, in the order of `docs/locking.md`, and then read."""

    @abstractmethod
    def take(self, found: Sequence[Sequence[Row]]) -> None:
        """Take the rows of `load`'s statements, in its order."""

    @abstractmethod
    def admit(self, place: int) -> None:
        """Raise Unauthenticated unless the caller's claims still hold."""

    @abstractmethod
    def decide(self, place: int) -> Any:
        """Apply the rules and return the result; later places see earlier ones. Pure.

        Raises:
            Refused: `store` will write nothing of this place; Later: it cannot be decided in this batch. Where it
            returns `Begun`, that is the outcome.
        """

    @abstractmethod
    def store(self) -> Sequence[Statement]:
        """Return the statements that write what was decided, without the keys; none if nothing was."""

    def record(self, refused: Sequence[tuple[int, Refused]]) -> Sequence[Statement]:
        """Return the statements that record refusals of these places; none by default."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[Input]):
    """A keyed command as endpoints run it: its rules, and what is answered for a result of `Batch.decide`."""

    batch: type[Batch[Input]]
    render: Callable[[Any], Any]
    status: int = 200

    @property
    def operation(self) -> str:
        return self.batch.operation

    def run(self, request: KeyedRequest[Input], *, before: Callable[[], object] | None = None) -> Answer:
        """Answer one request of an endpoint or a page, as `run_alone` does."""
        return run_alone(self, request, before=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedEndpoint(Generic[Input]):
    """A keyed endpoint (POST) whose plain requests run in batches; the ordinary endpoint of its address has the rest.

    `path` matches the whole path. `plain` takes the parsed body and the path's match and returns the input if the
    ordinary endpoint surely accepts both, with the same result; None leaves the request to it. `connections`: how many
    batches may run at a time.
    """

    path: re.Pattern[str]
    command: Command[Input]
    plain: Callable[[dict[str, Any], re.Match[str]], Input | None]
    connections: int = 1


@dataclass(slots=True)
class Decided:
    """A batch after its decisions: each place's answer, `Begun`, refusal or `Later`; what to store before the commit.

    `answers`: whether anybody's answer depends on it; without, nothing but records of refusals is stored.
    """

    outcomes: list[Answer | Begun | DomainError | Later]
    statements: list[Statement] = field(default_factory=list)
    answers: bool = True


def loading(batch: Batch[Any]) -> list[Statement]:
    """Return everything that a batch reads: its own statements, then the answers known of its keys.

    The keys come last: their snapshot is newer than the locks.
    """
    asked = batch.requests
    params = {
        "operation": batch.operation,
        "callers": array([request.caller_id for request in asked]),
        "keys": array([request.key for request in asked]),
    }
    return [*batch.load(), Statement(KNOWN, params)]


def decided(command: Command[Any], batch: Batch[Any], found: Sequence[Sequence[Row]]) -> Decided:
    """Decide every place of a batch from the rows of `loading`'s statements. Pure but for the batch."""
    batch.take(found[:-1])
    known = {(row[0], row[1]): row for row in found[-1]}
    outcomes = [_outcome(command, batch, place, known) for place in range(len(batch.requests))]
    answered = [
        (batch.requests[place], outcome)
        for place, outcome in enumerate(outcomes)
        if isinstance(outcome, Answer) and not outcome.replayed
    ]
    refused = [(place, outcome) for place, outcome in enumerate(outcomes) if isinstance(outcome, Refused)]
    begun = any(isinstance(outcome, Begun) for outcome in outcomes)
    statements = list(batch.store()) if answered or begun else []
    statements += batch.record(refused) if refused else ()
    if answered:
        statements.append(_keys_of(batch.operation, answered))
    return Decided(outcomes, [counted(statement) for statement in statements], answers=bool(answered) or begun)


def _outcome(
    command: Command[Any], batch: Batch[Any], place: int, known: dict[tuple[UUID, str], Row]
) -> Answer | Begun | DomainError | Later:
    request = batch.requests[place]
    try:
        batch.admit(place)
        row = known.get((request.caller_id, request.key))
        if row is None:
            result = batch.decide(place)
            if isinstance(result, Begun):
                return result
            return Answer(command.status, rendered(command.render(result)))
        if bytes(row[2]) != request.fingerprint:
            raise IdempotencyKeyReused
        return Answer(row[3], bytes(row[4]), replayed=True)
    except (DomainError, Later) as instead:
        return instead


def _keys_of(operation: str, answered: Sequence[tuple[KeyedRequest[Any], Answer]]) -> Statement:
    params = {
        "operation": operation,
        "ids": array(new_id_texts(len(answered))),
        "callers": array([request.caller_id for request, _ in answered]),
        "keys": array([request.key for request, _ in answered]),
        "fingerprints": array([request.fingerprint for request, _ in answered]),
        "statuses": array([answer.status for _, answer in answered]),
        "bodies": array([answer.body for _, answer in answered]),
    }
    return Statement(KEEP, params, rows=len(answered))


def run_alone(
    command: Command[Input], request: KeyedRequest[Input], *, before: Callable[[], object] | None = None
) -> Answer:
    """Run one request in a transaction of its own, on Django's connection; return the first answer to its key.

    The outermost transaction. Locks wait, up to the lock time-out (3 s). `before` runs first, in its own transactions.
    Deadlocks and serialization failures are retried, and so is a key that a concurrent request took.

    Raises:
        the command's refusal: nothing was written (`Batch.record` has not run either); IdempotencyKeyReused.
    """

    def attempt() -> Answer:
        with transaction.atomic():
            done = _decided_alone(command, request)
            (outcome,) = done.outcomes
            if isinstance(outcome, DomainError):
                raise outcome
            if not isinstance(outcome, Answer):
                raise RuntimeError(f"{command.operation} has begun, and nothing would go on with it")
            for statement in done.statements:
                run_statement(statement)
        if not outcome.replayed:
            log.info("command", operation=command.operation, caller=str(request.caller_id), status=outcome.status)
        return outcome

    with observed(command.operation) as observation:
        if before is not None:
            with translated():
                before()
        answer = _first_answer(attempt)
        observation.outcome = "replayed" if answer.replayed else "done"
        return answer


def run_recorded(command: Command[Input], request: KeyedRequest[Input]) -> Answer | Begun | DomainError:
    """Run one request as a batch of one whose locks wait (3 s), on Django's connection; return its outcome.

    Unlike after `run_alone`, what the batch records of a refusal is committed. Retries what `run_alone` does.
    """

    def attempt() -> Answer | Begun | DomainError:
        with transaction.atomic():
            done = _decided_alone(command, request)
            for statement in done.statements:
                run_statement(statement)
        (outcome,) = done.outcomes
        if isinstance(outcome, Later):
            raise AssertionError("what waits is decided")
        return outcome

    try:
        return _first_answer(attempt)
    except DomainError as refusal:
        return refusal


def _decided_alone(command: Command[Input], request: KeyedRequest[Input]) -> Decided:
    """Decide a batch of one, in the open transaction."""
    batch = command.batch([request], wait=True)
    done = decided(command, batch, [run_statement(each) for each in loading(batch)])
    if isinstance(done.outcomes[0], Later):
        raise InternalError from done.outcomes[0]
    return done


def _first_answer(attempt: Callable[[], T]) -> T:
    """Try again where a concurrent request has taken the key: it is found, or free again."""
    for _ in range(TRIES):
        try:
            return retried(attempt)
        except IntegrityError as error:
            if constraint_of(error) != KEY_CONSTRAINT:
                raise
    raise RequestInProgress(retry_after_s=1)


def run_statement(statement: Statement) -> list[Row]:
    """Run one statement on Django's connection and return its rows."""
    if statement.through is not None:
        rows: list[Row] = statement.through(lambda: _sent(statement))
        return rows
    return _sent(statement)


def _sent(statement: Statement) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
        check_rows(statement, cursor.rowcount)
        return cursor.fetchall() if cursor.description else []


def counted(statement: Statement) -> Statement:
    """Return the statement as one that fails in the database unless it returns or writes its number of rows.

    A commit that is sent together with it does not take place then.
    """
    if statement.rows is None:
        return statement
    if isinstance(statement.params, Mapping):
        named = {**statement.params, "rows": statement.rows}
        return Statement(_counting(statement.sql, "%(rows)s"), named, through=statement.through)
    ordered = [statement.rows, *(statement.params or ())]
    return Statement(_counting(statement.sql, "%s"), ordered, through=statement.through)


@cache
def _counting(sql: str, wanted: str) -> str:
    sql = sql.strip()
    if not sql.upper().startswith("SELECT") and "RETURNING" not in sql:
        sql += " RETURNING true"
    return COUNTED.format(wanted=wanted, sql=sql)


def check_rows(statement: Statement, rows: int) -> None:
    """Raise RuntimeError, a defect, if a statement returned or wrote another number of rows than it must."""
    if statement.rows is not None and rows != statement.rows:
        raise RuntimeError(f"{rows} rows instead of {statement.rows}: {statement.sql.split('(')[0].strip()}")
