"""The stand-in over HTTP, on aiohttp's own low-level server: one process, one loop, one connection to its file."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from loyalty.standin import points
from loyalty.standin.answers import Answer, Refused, done
from loyalty.standin.control import PREFIX, Control
from loyalty.standin.faults import HEADER, Kind, Plan
from loyalty.standin.fields import Fields, invalid, parsed
from loyalty.standin.state import State
from loyalty.standin.tokens import SCHEME

TOKEN_PATH = "/oauth/token"  # noqa: S105  a path
BASE = "/api/v1"
JSON = {"Content-Type": "application/json"}
Work = Callable[[Fields], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the contract: what it does with its fields, and whether that changes anything."""

    name: str
    work: Work
    changes: bool


class StandIn(web.Server):
    """Answers the contract's calls, and those under `/standin/` that steer it."""

    def __init__(self, state: State) -> None:
        super().__init__(self._handle, access_log=None)
        self._state = state
        self._control = Control(state)
        self._steering: set[Any] = set()
        self._calls = _contract(state)

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        """Count an accepted connection, whatever comes through it."""
        self._state.stats.accepted += 1
        super().connection_made(handler, transport)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        self._steering.discard(handler)
        super().connection_lost(handler, exc)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        try:
            if path.startswith(PREFIX):
                self._note_steering(request)
                answer: Answer | None = await self._control.answer(request)
            else:
                answer = await self._answer(request, path)
        except Refused as refused:
            answer = refused.answer(self._state.shape)
        if answer is None:
            _drop(request)
            return web.Response()  # nobody gets it
        if not path.startswith(PREFIX):
            self._state.stats.answers[str(answer.status)] += 1
        return web.Response(status=answer.status, body=answer.body, headers=JSON | answer.headers)

    async def _answer(self, request: web.BaseRequest, path: str) -> Answer | None:
        """Answer a call of the contract; None where its connection is to be closed instead."""
        body = await request.read()
        self._state.stats.calls[f"{request.method} {path}"] += 1
        plan = self._state.faults.plan(path, request.headers.get(HEADER))
        if plan.delay_s:
            await asyncio.sleep(plan.delay_s / 2)
        if plan.kind is Kind.DROP_BEFORE:
            return None
        _refuse_by(plan)
        answer = self._result(request, path, body, plan)
        if plan.delay_s:
            await asyncio.sleep(plan.delay_s / 2)
        return None if plan.kind is Kind.DROP_AFTER else answer

    def _result(self, request: web.BaseRequest, path: str, body: bytes, plan: Plan) -> Answer:
        try:
            if path == TOKEN_PATH and request.method == "POST":
                return done(self._state.client.token(_credentials(request, body)))
            return self._called(request, path, body, plan)
        except Refused as refused:
            return refused.answer(self._state.shape)

    def _called(self, request: web.BaseRequest, path: str, body: bytes, plan: Plan) -> Answer:
        headers = request.headers
        if plan.kind is Kind.EXPIRED_TOKEN:
            self._state.client.revoke(headers.get("Authorization", "").removeprefix(SCHEME))
        self._state.client.check(headers.get("Authorization"), headers.get("X-Client-Id"))
        call = self._calls.get((request.method, path))
        if call is None:
            raise Refused(404, "NOT_FOUND", "There is no such call.")
        _needed(headers, "X-Request-Trace")
        if not call.changes:
            return done(call.work(request.query))
        return self._changed(call, _needed(headers, "Idempotency-Key"), parsed(body), plan)

    def _changed(self, call: Call, key: str, fields: dict[str, Any], plan: Plan) -> Answer:
        state = self._state
        once = state.storage.once(key, call.name, fields, state.shape, partial(call.work, fields))
        if not once.is_first:
            state.stats.replayed[call.name] += 1
        elif once.answer.status == 200:
            state.stats.applied[call.name] += 1
        if plan.kind is Kind.DUPLICATE and once.answer.status == 200 and "transactionId" in fields:
            first = parsed(once.answer.body)
            raise points.duplicate(first["transactionId"], first["newBalance"])
        return once.answer

    def _note_steering(self, request: web.BaseRequest) -> None:
        if request.protocol not in self._steering:
            self._steering.add(request.protocol)
            self._state.stats.steering += 1


def _contract(state: State) -> dict[tuple[str, str], Call]:
    """Return the calls of the contract by method and path."""
    reads: dict[str, Work] = {
        "loyalty/balance": partial(points.balance, state.storage),
        "loyalty/ledger": partial(points.ledger, state.storage),
        "links/status": state.links.status,
    }
    writes: dict[str, Work] = {
        "loyalty/deduct": partial(points.deduct, state.storage),
        "loyalty/credit": partial(points.credit, state.storage),
        "loyalty/earn": partial(points.earn, state.storage),
        "links/intents": state.links.intents,
        "links/confirm": state.links.confirm,
    }
    found = {("GET", f"{BASE}/{name}"): Call(name, work, changes=False) for name, work in reads.items()}
    return found | {("POST", f"{BASE}/{name}"): Call(name, work, changes=True) for name, work in writes.items()}


def _refuse_by(plan: Plan) -> None:
    """Raise Refused for a fault that answers before anything is carried out."""
    if plan.kind in (Kind.ERROR_500, Kind.ERROR_503):
        status = 500 if plan.kind is Kind.ERROR_500 else 503
        raise Refused(status, "SYSTEM_ERROR", "Something is wrong here; nothing happened.")
    if plan.kind is Kind.RATE_LIMITED:
        refused = Refused(429, "RATE_LIMIT_EXCEEDED", "Too many calls.", retryAfter=plan.retry_after_s)
        refused.headers["Retry-After"] = str(plan.retry_after_s)
        raise refused


def _credentials(request: web.BaseRequest, body: bytes) -> Fields:
    """Return the fields of a request for a token: JSON, or the form of OAuth's own description."""
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode()))
    return parsed(body)


def _needed(headers: Mapping[str, str], name: str) -> str:
    if not (value := headers.get(name)):
        raise invalid(f"The header {name} is missing.")
    return value


def _drop(request: web.BaseRequest) -> None:
    """Close a call's connection at once, without a byte more."""
    if request.transport is not None:
        request.transport.abort()
