"""Many people's requests of a keyed command in one transaction: what gathers while a batch commits is the next batch.

Requests run in the order in which they came, at most 64 together and one of each caller; no timer waits for more. Each
has its own outcome. A defect of one rolls the batch back, and each of it runs alone: only the guilty one fails.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
import structlog
from psycopg import errors as pg

from core.batches import KEY_CONSTRAINT, TRIES, Begun, Command, KeyedRequest, Later
from core.errors import DomainError, InternalError, QueueBusy, RequestInProgress
from core.idempotency import Answer
from core.pipelines import Connect, Pipeline, connect

log = structlog.get_logger()
Input = TypeVar("Input")
T = TypeVar("T")
Outcome = Answer | Begun | DomainError
Guard = Callable[[], AbstractContextManager[object]]
"""Admits one call to the database or refuses it (DomainError), and sees how it ended: a circuit breaker."""
NEXT_CONNECTION_AT = 24


class Watch:
    """What a batcher tells of its work; this one keeps nothing."""

    def ran(self, requests: int, left: int) -> None:
        """A batch of so many requests begins, and so many are left for the next."""

    def sent(self) -> None:
        """A round trip to the database begins."""

    def lost(self) -> None:
        """A connection was lost."""

    def left_out(self) -> None:
        """A request cannot be decided in a batch."""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """Requests get their outcomes: those of a batch without the ones left out, or one that is refused at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`batch`: requests in one transaction at most. `waiting`: requests that may wait for theirs; `of_caller`: those of
    one caller, which can only run one after the other."""

    batch: int = 64
    waiting: int = 1_024
    of_caller: int = 64


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Input]):
    request: KeyedRequest[Input]
    outcome: "asyncio.Future[Outcome | Later]"

    def answer(self, outcome: Outcome | Later) -> None:
        if not self.outcome.done():  # nobody waits for it any more
            self.outcome.set_result(outcome)


@dataclass(slots=True, eq=False)
class _Worker:
    """One connection's task. It begins when `at_least` requests wait."""

    at_least: int
    pipeline: Pipeline
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Batcher(Generic[Input]):
    """The batches of one command in this process: a queue and its connections. Used from one event loop.

    The second connection works when 24 requests wait, the third when 48 do.
    """

    def __init__(
        self,
        command: Command[Input],
        *,
        guard: Guard,
        connections: int = 1,
        limits: Limits = Limits(),
        watch: Watch = Watch(),  # noqa: B008  it keeps nothing
        connect: Connect = connect,
    ) -> None:
        self._command = command
        self._guard = guard
        self._limits = limits
        self._watch = watch
        self._waiting: deque[_Waiting[Input]] = deque()
        self._waiting_of: Counter[UUID] = Counter()
        self._callers: set[UUID] = set()  # those whose request is being worked on
        self._stopping = False
        self._workers = [
            _Worker(max(1, NEXT_CONNECTION_AT * place), Pipeline(watch.sent, watch.lost, connect=connect))
            for place in range(connections)
        ]

    @property
    def operation(self) -> str:
        return self._command.operation

    def start(self) -> None:
        """Begin to work, in the running event loop. Connections are opened when they are needed."""
        for worker in self._workers:
            worker.task = asyncio.create_task(self._work(worker))

    async def stop(self) -> None:
        """Answer what was taken in, then end; whatever comes now is refused."""
        self._stopping = True
        self._wake()
        for worker in self._workers:
            if worker.task is not None:
                await worker.task
            await worker.pipeline.close()

    async def run(self, request: KeyedRequest[Input], later: Callable[[], Awaitable[T]]) -> Outcome | T:
        """Run a request in the next batch that has room; return its answer or refusal.

        Where a batch cannot decide it, return what `later` returns; until then no other request of the caller begins.
        Refused at once: QueueBusy, if too many wait. A request whose task is cancelled runs all the same.
        """
        if self._stopping or self._is_full(request.caller_id):
            refused = QueueBusy(retry_after_s=1)
            self._watch.answered([refused])
            return refused
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_of[request.caller_id] += 1
        self._wake()
        outcome = await waiting.outcome
        if not isinstance(outcome, Later):
            return outcome
        self._watch.left_out()
        try:
            return await later()
        finally:
            self._free(request.caller_id)

    def _is_full(self, caller_id: UUID) -> bool:
        """Whether too many wait, in all or of this caller: nobody takes all places for one's own requests."""
        return len(self._waiting) >= self._limits.waiting or self._waiting_of[caller_id] >= self._limits.of_caller

    async def _work(self, worker: _Worker) -> None:
        while taken := await self._next(worker):
            self._watch.ran(len(taken), len(self._waiting))
            await self._carry_out(worker.pipeline, taken)

    async def _next(self, worker: _Worker) -> list[_Waiting[Input]]:
        """Wait for enough requests and take a batch of them; an empty one when all is done and the end has come."""
        while True:
            worker.wake.clear()
            if len(self._waiting) >= worker.at_least and (taken := self._take()):
                return taken
            if self._stopping and (worker.at_least > 1 or not self._waiting):
                return []
            await worker.wake.wait()

    def _take(self) -> list[_Waiting[Input]]:
        taken: list[_Waiting[Input]] = []
        passed: list[_Waiting[Input]] = []
        while self._waiting and len(taken) < self._limits.batch:
            each = self._waiting.popleft()
            if each.request.caller_id in self._callers:
                passed.append(each)
            else:
                self._callers.add(each.request.caller_id)
                taken.append(each)
        self._waiting.extendleft(reversed(passed))
        self._waiting_of.subtract(each.request.caller_id for each in taken)
        self._waiting_of = +self._waiting_of  # without those of whom none waits
        return taken

    async def _carry_out(self, pipeline: Pipeline, taken: Sequence[_Waiting[Input]]) -> None:
        """Run a batch and give every request its outcome; after a defect run each alone."""
        try:
            outcomes = await self._outcomes(pipeline, [each.request for each in taken])
        except Exception as error:  # noqa: BLE001  the guilty request is found, logged and answered
            if len(taken) > 1:
                log.warning("batch_taken_apart", error=type(error).__name__, requests=len(taken))
                for each in taken:
                    await self._carry_out(pipeline, [each])
                return
            outcomes = [self._failed(taken[0].request, error)]
        self._watch.answered([each for each in outcomes if not isinstance(each, Later)])
        for each, outcome in zip(taken, outcomes, strict=True):
            if not isinstance(outcome, Later) or each.outcome.done():
                self._free(each.request.caller_id)
            each.answer(outcome)

    async def _outcomes(self, pipeline: Pipeline, requests: Sequence[KeyedRequest[Input]]) -> Sequence[Outcome | Later]:
        """Run a batch, again after a deadlock; a refusal of the whole batch is everybody's. Raises what is a defect."""
        for attempt in range(1, TRIES + 1):
            try:
                with self._guard():
                    return (await pipeline.run(self._command, requests)).outcomes
            except QueueBusy:
                return [Later()] * len(requests)
            except DomainError as refusal:
                return [refusal] * len(requests)
            except psycopg.Error as error:
                if attempt == TRIES or not _passes(error, alone=len(requests) == 1):
                    raise
                await asyncio.sleep(random.uniform(0.005, 0.03) * attempt)  # noqa: S311  jitter, not a secret
        raise AssertionError("unreachable")

    def _failed(self, request: KeyedRequest[Input], error: Exception) -> Outcome:
        if isinstance(error, pg.UniqueViolation) and error.diag.constraint_name == KEY_CONSTRAINT:
            return RequestInProgress(retry_after_s=1)
        log.error("command_failed", operation=self._command.operation, request_id=request.request_id, exc_info=error)
        return InternalError()

    def _free(self, caller_id: UUID) -> None:
        self._callers.discard(caller_id)
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        for worker in self._workers:
            if self._stopping or len(self._waiting) >= worker.at_least:
                worker.wake.set()


def _passes(error: psycopg.Error, *, alone: bool) -> bool:
    """Whether another try may succeed: after a deadlock, and where a concurrent request has taken the one key."""
    if isinstance(error, pg.DeadlockDetected | pg.SerializationFailure):
        return True
    return alone and isinstance(error, pg.UniqueViolation) and error.diag.constraint_name == KEY_CONSTRAINT


def observed_as(outcome: Any) -> str:
    """Return the outcome (one of `OUTCOMES`) that observers of commands get."""
    if isinstance(outcome, Answer):
        return "replayed" if outcome.replayed else "done"
    return "failed" if isinstance(outcome, InternalError) else "refused"
