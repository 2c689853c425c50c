"""Spins that RedRoomRewards pays: a batch of intents, the deduct of each, a batch of settlements.

While a deduct is on its way its spin holds no thread, no connection and no transaction: it is a task of the event loop.
Wherever this ends, the rows say what is left to do, and reconciliation does it (`docs/architecture.md`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog
from django import db

from core.batches import Begun, Command, KeyedRequest, run_recorded
from core.batching import Batcher, Guard, Limits, Outcome
from core.errors import DomainError, InternalError, QueueBusy
from core.idempotency import Answer
from escrow.errors import InsufficientBalance
from escrow.services import Currency
from loyalty.client import LoyaltyClient, breaker
from loyalty.errors import (
    KeyMismatch,
    LoyaltyUnavailable,
    NotLinked,
    OutcomeUnknown,
    RemoteInsufficient,
    RemoteRefusal,
    RemoteUnknownUser,
)
from slots.services import (
    Attempt,
    Deducted,
    IntentBatch,
    NotDeducted,
    OpenIntent,
    SettleBatch,
    Settlement,
    SpinInput,
    SpinResult,
    Unanswered,
)
from xxxchat.metrics.batches import BatchMetrics

log = structlog.get_logger()
Input = TypeVar("Input")
Render = Callable[[SpinResult], Any]
SLOW_THREADS = 2
"""For what a batch leaves out: a player's first spin, and what somebody else has locked."""


class Saga:
    """The spins of this process, from one event loop. It is started and stopped like a `Batcher`, and runs like one."""

    def __init__(
        self, command: Command[SpinInput], client: LoyaltyClient, *, guard: Guard, limits: Limits, connections: int = 1
    ) -> None:
        self._command = command
        self._client = client
        self._intents_command: Command[Attempt] = Command(batch=IntentBatch, render=repr)
        self._settlements_command: Command[Settlement] = Command(
            batch=SettleBatch, render=lambda settled: settled.answer
        )
        self._intents: Batcher[Attempt] = Batcher(
            self._intents_command,
            guard=guard,
            connections=connections,
            limits=limits,
            watch=BatchMetrics("slots.intent"),
        )
        self._settlements: Batcher[Settlement] = Batcher(
            self._settlements_command,
            guard=guard,
            connections=connections,
            limits=limits,
            watch=BatchMetrics(command.operation),
        )
        self._slow = ThreadPoolExecutor(SLOW_THREADS, thread_name_prefix="saga")
        self._running: set[asyncio.Task[Answer | DomainError]] = set()
        self._most = limits.waiting

    @property
    def operation(self) -> str:
        return self._command.operation

    def start(self) -> None:
        """Begin to work, in the running event loop; the client is open."""
        self._intents.start()
        self._settlements.start()

    async def stop(self) -> None:
        """Answer what was taken in, then end; whatever comes now is refused."""
        await self._intents.stop()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._settlements.stop()
        self._slow.shutdown()

    async def run(
        self, request: KeyedRequest[SpinInput], later: object = None, *, render: Render | None = None
    ) -> Answer | DomainError:
        """Run a spin to its end; return its answer or refusal. `render` makes the answer, by default the API's.

        Refused at once: QueueBusy, if too many run. A spin whose task is cancelled runs all the same. `later` is not
        needed: what a batch leaves out is decided here.
        """
        if len(self._running) >= self._most:
            return QueueBusy(retry_after_s=1)
        running = asyncio.create_task(self._answered(request, render or self._command.render))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return await asyncio.shield(running)

    async def _answered(self, request: KeyedRequest[SpinInput], render: Render) -> Answer | DomainError:
        """Run a spin; after a defect its request is answered like any other that failed, and reconciliation has it."""
        try:
            return await self._spin(request, render)
        except Exception as error:  # a defect: logged with its traceback, answered by 500, closed by reconciliation
            log.error("command_failed", operation=self.operation, request_id=request.request_id, exc_info=error)
            return InternalError()

    async def _spin(self, request: KeyedRequest[SpinInput], render: Render) -> Answer | DomainError:
        attempt = Attempt(spin=request.input, is_reachable=breaker.room != 0)
        begun = await self._in_batch(self._intents, self._intents_command, _with(request, attempt))
        if not isinstance(begun, Begun):
            return begun
        intent: OpenIntent = begun.value
        settlement = Settlement(intent=intent, deduct=await deducted(self._client, intent), render=render)
        outcome = await self._in_batch(self._settlements, self._settlements_command, _with(request, settlement))
        if isinstance(outcome, Begun):
            raise AssertionError("a settlement is the end")
        return outcome

    async def _in_batch(
        self, batcher: Batcher[Input], command: Command[Input], request: KeyedRequest[Input]
    ) -> Outcome:
        """Run a part in the next batch, or alone if a batch leaves it out."""
        alone: Callable[[], Awaitable[Outcome]] = partial(self._alone, command, request)
        return await batcher.run(request, alone)

    async def _alone(self, command: Command[Input], request: KeyedRequest[Input]) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._slow, _recorded, command, request)


def _with(request: KeyedRequest[Any], given: Input) -> KeyedRequest[Input]:
    return replace(request, input=given)


def _recorded(command: Command[Any], request: KeyedRequest[Any]) -> Outcome:
    """Run a part in a thread, whose connection is closed after it: few come here."""
    try:
        return run_recorded(command, request)
    finally:
        db.connections.close_all()


async def deducted(client: LoyaltyClient, intent: OpenIntent) -> Deducted | NotDeducted | Unanswered:
    """Ask for the deduct of an intent; return what became of it."""
    try:
        applied = await client.deduct(intent.deduct.change, trace=intent.request_id)
    except RemoteInsufficient as refused:
        refusal = InsufficientBalance(needed=intent.bet, available=refused.current, currency=Currency.POINT.value)
        return NotDeducted(refusal, refused.code)
    except RemoteUnknownUser as refused:
        return NotDeducted(NotLinked(), refused.code)
    except RemoteRefusal as refused:
        # Who else holds the key may have taken points by it, and so may an earlier request of this intent.
        if intent.resumed or isinstance(refused, KeyMismatch):
            return Unanswered(refused.code)
        return NotDeducted(LoyaltyUnavailable(), refused.code)
    except LoyaltyUnavailable as refused:
        # What an earlier request of this intent has sent may have happened.
        return Unanswered(refused.code) if intent.resumed else NotDeducted(refused, refused.code)
    except OutcomeUnknown as unknown:
        return Unanswered(str(unknown) or "OUTCOME_UNKNOWN")
    return Deducted(applied.new_balance)
