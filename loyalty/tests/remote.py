"""A real server that answers as RedRoomRewards does, or as a test tells it to, in a thread of its own."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from django.test import override_settings

from core.breaker import Breaker
from loyalty.client import breaker, running
from loyalty.client.config import Config
from loyalty.client.faults import new_breaker

SECRET, MEMBER = "very-secret-secret", "member-of-somebody"
POINTS = {"deduct": -1, "credit": 1, "earn": 1}


@dataclass
class Remote:
    """`plan`: what befalls the next calls, by call (`any` for all): see `_befall`. `calls`: what came in."""

    balances: Counter[str] = field(default_factory=Counter)
    plan: dict[str, deque[str]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    applied: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    tokens: int = 0
    lives_s: float = 3_600
    page: int = 100
    now: Callable[[], str] = lambda: "2026-11-29T10:00:00Z"
    url: str = ""

    def befalls(self, call: str, *faults: str) -> None:
        self.plan.setdefault(call, deque()).extend(faults)

    def count(self, call: str) -> int:
        return sum(name == call for name, _, _ in self.calls)

    def keys(self, call: str) -> list[str]:
        return [headers.get("Idempotency-Key", "") for name, headers, _ in self.calls if name == call]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        body = await request.json() if request.can_read_body else dict(request.query)
        self.calls.append((name, dict(request.headers), body))
        fault = next((self.plan[each].popleft() for each in (name, "any") if self.plan.get(each)), "")
        if fault in ("drop_after", "slow_after"):
            self._result(name, request, body)
        if instead := await self._befall(fault, request):
            return instead
        status, answer = self._result(name, request, body)
        return web.json_response(answer, status=status)

    async def _befall(self, fault: str, request: web.Request) -> web.StreamResponse | None:
        kind, _, value = fault.partition(":")
        match kind:
            case "drop_before" | "drop_after":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "slow_before" | "slow_after":
                await asyncio.sleep(float(value or 30))
                return web.Response(status=500)
            case "status":
                return web.json_response({}, status=int(value))
            case "code":
                return web.json_response({"success": False, "error": value}, status=400)
            case "nested":
                error = {"code": value, "message": "no", "details": {"currentBalance": 7, "newBalance": 8}}
                return web.json_response({"error": error}, status=400)
            case "system_error":
                return web.json_response({"success": False, "error": "SYSTEM_ERROR"}, status=500)
            case "rate_limited":
                headers = {"Retry-After": value or "0"}
                return web.json_response({"error": "RATE_LIMIT_EXCEEDED"}, status=429, headers=headers)
            case "garbage":
                return web.Response(text="{")
        return None

    def _result(self, name: str, request: web.Request, body: Any) -> tuple[int, Any]:
        if name == "token":
            self.tokens += 1
            right = body == {"grant_type": "client_credentials", "client_id": "us", "client_secret": SECRET}
            return (200, {"access_token": f"t-{self.tokens}", "expires_in": self.lives_s}) if right else (401, {})
        if request.headers.get("Authorization") != f"Bearer t-{self.tokens}":
            return 401, {}
        if name == "balance":
            points = self.balances[body["userId"]]
            return 200, {"balance": points, "currency": "points", "lastUpdated": "2026-11-29T10:00:00Z"}
        if name == "ledger":
            return 200, self._ledger(body)
        if name in POINTS:
            return self._changed(name, request.headers["Idempotency-Key"], body)
        return 200, {"intentId": "i-1", "linkCode": "123", "expiresAt": "2026-11-29T10:00:00Z",
                     "linked": True, "memberId": MEMBER, "linkedAt": "2026-11-29T10:00:00Z"}  # fmt: skip

    def _changed(self, name: str, key: str, body: Any) -> tuple[int, Any]:
        if key in self.applied:
            first = self.applied[key]
            same = first["body"] == body
            return first["result"] if same else (409, {"error": "IDEMPOTENCY_KEY_REUSE_MISMATCH"})
        delta = POINTS[name] * body.get("amount", body.get("points", 0))
        user = body["userId"]
        if self.balances[user] + delta < 0:
            current = self.balances[user]
            return 400, {"success": False, "error": "INSUFFICIENT_BALANCE", "currentBalance": current}
        self.balances[user] += delta
        result = 200, {"success": True, "newBalance": self.balances[user], "transactionId": key}
        self.applied[key] = {"body": body, "result": result}
        self.adds(user, key, name, delta)
        return result

    def adds(self, user: Any, key: str, type: str, delta: int) -> None:
        """Add a row to the ledger."""
        self.entries.append({"entryId": f"e-{len(self.entries)}", "transactionId": key, "type": type, "user": str(user),
                             "pointsDelta": delta, "balanceAfter": self.balances[str(user)],
                             "at": self.now()})  # fmt: skip

    def _ledger(self, asked: Any) -> Any:
        found = [each for each in self.entries if each["user"] == asked["userId"]]
        begin = int(asked.get("cursor", 0))
        following = begin + self.page
        return {"entries": found[begin:following], "next": str(following) if following < len(found) else None}


async def _serve(remote: Remote, ready: threading.Event, stopped: asyncio.Event) -> None:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", remote.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    server = runner.server
    assert server is not None
    made = server.__call__

    def connected() -> Any:
        remote.connections += 1
        return made()

    listener = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    remote.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    ready.set()
    await stopped.wait()
    listener.close()
    await runner.cleanup()


@contextmanager
def serving() -> Iterator[Remote]:
    """A running server, and settings that point to it; short time-outs."""
    remote, ready, loop, stopped = Remote(), threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(remote, ready, stopped)), daemon=True)
    thread.start()
    assert ready.wait(5)
    with override_settings(
        LOYALTY_BACKEND="redroomrewards",
        RRR_BASE_URL=remote.url,
        RRR_CLIENT_ID="us",
        RRR_CLIENT_SECRET=SECRET,
        RRR_CONNECT_TIMEOUT_S=0.3,
        RRR_TRY_TIMEOUT_S=0.3,
        RRR_TOTAL_TIMEOUT_S=2.0,
    ):
        yield remote
        running.stop()
    if breaker.state != "closed":
        breaker.reset()
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.close()


def config(remote: Remote, **changed: Any) -> Config:
    given: dict[str, Any] = {
        "base_url": remote.url,
        "client_id": "us",
        "client_secret": SECRET,
        "connect_timeout_s": 0.3,
        "try_timeout_s": 0.3,
        "total_timeout_s": 2.0,
    }
    return Config(**given | changed)


def own_breaker() -> Breaker:
    return new_breaker()
