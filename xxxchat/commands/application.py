"""The ASGI application of the commands process."""

import time
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog
from django.conf import settings

from core import handover
from core.batches import BatchedEndpoint, Begun, KeyedRequest
from core.batching import Batcher, Limits, Outcome, observed_as
from core.errors import DomainError, QueueBusy
from core.handover import HandedOver
from core.idempotency import Answer, observe
from escrow.services import guarding
from loyalty.client import Config, LoyaltyClient
from loyalty.services import is_remote
from slots.batched import SPINS
from xxxchat.commands.answers import CommonHeaders, answered
from xxxchat.commands.endpoints import ENDPOINTS
from xxxchat.commands.messages import Answered, Receive, Scope, Send, read_body
from xxxchat.commands.ordinary import OrdinaryEndpoints, Wsgi
from xxxchat.commands.plain import keyed_request, plain_headers, request_id_of
from xxxchat.commands.protocol import WHOLE_ANSWER
from xxxchat.commands.saga import Saga
from xxxchat.metrics.batches import BatchMetrics, handed_over

log = structlog.get_logger()


class Commands:
    """Answers every request: plain ones of `endpoints` in batches, the others as the web processes do."""

    def __init__(self, ordinary: Wsgi, endpoints: Sequence[BatchedEndpoint[Any]] = ENDPOINTS) -> None:
        self._application = ordinary
        self._endpoints = endpoints
        self._saga: Saga | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run(receive, send)
        elif scope["type"] == "http":
            # Taken out of the scope, which it refers back to: only the collector of garbage could free the two.
            whole = scope.pop("extensions", {}).get(WHOLE_ANSWER)
            body = await read_body(receive)
            if body is not None:  # else the client has gone
                answer = await self._answer(scope, body)
                write = whole if answer.is_simple else None
                if write is None or not write(answer.status, answer.headers, answer.body):
                    await answer.send(send)

    async def _run(self, receive: Receive, send: Send) -> None:
        """Serve from start-up to shutdown; the server has answered every request by then."""
        await receive()
        self._common = CommonHeaders(self._application, settings.ALLOWED_HOSTS[0].replace("*", "localhost"))
        self._ordinary = OrdinaryEndpoints(
            self._application,
            threads=settings.COMMANDS_THREADS,
            waiting=settings.COMMANDS_WAITING,
            hands_over=is_remote(),
        )
        async with AsyncExitStack() as opened:
            if is_remote():
                client = await opened.enter_async_context(LoyaltyClient(Config.of_settings()))
                self._saga = Saga(SPINS.command, client, guard=guarding, limits=_limits())
            self._batchers = [self._batcher(endpoint) for endpoint in self._endpoints]
            for batcher in self._batchers:
                batcher.start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            for batcher in self._batchers:
                await batcher.stop()
        self._ordinary.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _batcher(self, endpoint: BatchedEndpoint[Any]) -> Batcher[Any] | Saga:
        if self._saga is not None and endpoint.command.operation == self._saga.operation:
            return self._saga
        return Batcher(
            endpoint.command,
            guard=guarding,
            connections=endpoint.connections,
            limits=_limits(),
            watch=BatchMetrics(endpoint.command.operation),
        )

    async def _answer(self, scope: Scope, body: bytes) -> Answered:
        headers = plain_headers(scope)
        common = None if headers is None else self._common.of(headers.get(b"x-forwarded-proto"))
        if headers is not None and common is not None:
            for endpoint, batcher in zip(self._endpoints, self._batchers, strict=True):
                if request := keyed_request(endpoint, scope, headers, body):
                    running = batcher.run(request, partial(self._hand_over, scope, body))
                    outcome = await self._observed(batcher.operation, request, running)
                    if isinstance(outcome, Answered):
                        return outcome
                    return answered(outcome, common, request.request_id)
        handed_over.inc()
        return await self._hand_over(scope, body)

    async def _observed(
        self, operation: str, request: KeyedRequest[Any], running: Awaitable[Outcome | Answered]
    ) -> Answer | DomainError | Answered:
        """Let a request run in batches, observe and log it; one that is left out of them is observed where it runs."""
        began = time.perf_counter()
        outcome = await running
        if isinstance(outcome, Answered):
            return outcome
        if isinstance(outcome, Begun):
            raise AssertionError(f"{operation} has only begun")
        observe(operation, observed_as(outcome), time.perf_counter() - began)
        if isinstance(outcome, Answer) and not outcome.replayed:
            log.info(
                "command",
                operation=operation,
                caller=str(request.caller_id),
                status=outcome.status,
                request_id=request.request_id,
            )
        return outcome

    async def _hand_over(self, scope: Scope, body: bytes) -> Answered:
        """Let the ordinary endpoint answer; refuse if too many wait for it already.

        A spin that it hands over runs in the saga, then the ordinary endpoint answers with its outcome.
        """
        answer = await self._ordinary.answer(scope, body)
        if isinstance(answer, HandedOver):
            answer = await self._ordinary.answer(scope, body, await self._outcome(answer))
        if isinstance(answer, Answered):
            return answer
        request_id = request_id_of(dict(scope["headers"]).get(b"x-request-id", b""))
        return answered(QueueBusy(retry_after_s=1), self._common.any, request_id)

    async def _outcome(self, handed_over: HandedOver) -> handover.Outcome:
        request, command = handed_over.request, handed_over.command
        if self._saga is None:
            raise AssertionError("commands are handed over to the saga alone")
        running = self._saga.run(request, render=command.render)
        became = await self._observed(command.operation, request, running)
        if isinstance(became, Answered):
            raise AssertionError("a saga answers nobody itself")
        return handover.Outcome(request, became)


def _limits() -> Limits:
    return Limits(batch=settings.COMMANDS_BATCH, waiting=settings.COMMANDS_WAITING)
