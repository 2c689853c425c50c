"""Sending one call: tries with the same key, the token, the circuit breaker, and what is known when they fail."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from core.breaker import Breaker
from core.context import request_id
from core.errors import DomainError
from core.ids import new_id_text
from loyalty.client.answers import Unusable, body_of, grant_of
from loyalty.client.call import Call
from loyalty.client.config import Config
from loyalty.client.faults import Fault, Outcome, Try, observed
from loyalty.client.tokens import Grant, Tokens
from loyalty.client.values import Body
from loyalty.errors import KeyMismatch, LoyaltyUnavailable, OutcomeUnknown, RemoteRefusal

T = TypeVar("T")
TRIES = 3
BACKOFF = wait_random_exponential(multiplier=0.1, max=1.0)
TOKEN_PATH = "/oauth/token"  # noqa: S105  an address
log = structlog.get_logger()


class Sender:
    """One session with keep-alive and one token, used from one event loop."""

    def __init__(self, config: Config, breaker: Breaker) -> None:
        self._config = config
        self._breaker = breaker
        self._tokens = Tokens(self._grant)
        # Here, since aiohttp is a tenth of what a process imports, and most processes ask nobody.
        from loyalty.client.transport import Transport

        self._transport = Transport(config)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def send(self, call: Call, read: Callable[[Body], T]) -> T:
        """Send a call until it has a result, at most three times within the total time-out; return what `read` does.

        Raises:
            LoyaltyUnavailable: surely not carried out; OutcomeUnknown: it may have been (calls that change something);
            RemoteRefusal, Duplicate.
        """
        ends_at = asyncio.get_running_loop().time() + self._config.total_timeout_s
        try:
            return _read(call, read, await self._tried(call, 1, self._config.total_timeout_s))
        except Fault as fault:
            first = fault
        return await self._again(call, read, first, ends_at)

    async def _again(self, call: Call, read: Callable[[Body], T], first: Fault, ends_at: float) -> T:
        """Try again after a first try that brought no result. That one is made without tenacity, whose bookkeeping
        costs half of what a call does."""
        loop = asyncio.get_running_loop()
        may_have_happened = first.may_have_happened
        tries = AsyncRetrying(
            stop=lambda state: state.attempt_number >= TRIES or loop.time() + state.upcoming_sleep >= ends_at,
            wait=_pause,
            retry=retry_if_exception_type(Fault),
            reraise=True,
        )
        try:
            async for each in tries:
                with each:
                    number = each.retry_state.attempt_number
                    if number == 1:
                        raise first
                    try:
                        return _read(call, read, await self._tried(call, number, ends_at - loop.time()))
                    except Fault as fault:
                        may_have_happened |= fault.may_have_happened
                        raise
        except Fault as fault:
            if may_have_happened:
                raise OutcomeUnknown(fault.outcome.value) from fault
            raise LoyaltyUnavailable(retry_after_s=fault.retry_after_s or 1) from fault
        except (RemoteRefusal, LoyaltyUnavailable) as refused:
            if may_have_happened and (left_open := _left_open(refused)):
                raise OutcomeUnknown(left_open) from refused
            raise
        raise AssertionError("unreachable")

    async def _tried(self, call: Call, number: int, left_s: float) -> Body:
        """One try, with another token after a 401."""
        token = await self._tokens.current()
        try:
            return await self._seen(call, number, left_s, self._headers(call, token))
        except Fault as fault:
            if fault.outcome != Outcome.UNAUTHORIZED:
                raise
        token = await self._tokens.replace(token)
        return await self._seen(call, number, left_s, self._headers(call, token))

    async def _grant(self) -> Grant:
        """Ask for a token. It is no part of a change: whatever happens to it, nothing was carried out."""
        body = {
            "grant_type": "client_credentials",
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret,
        }
        call = Call(name="token", path=TOKEN_PATH, body=body, trace=request_id() or new_id_text())
        return _read(call, grant_of, await self._seen(call, 1, self._config.try_timeout_s, self._headers(call)))

    def _headers(self, call: Call, token: str = "") -> dict[str, str]:
        headers = {"X-Client-Id": self._config.client_id, "X-Request-Trace": call.trace}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.key:
            headers["Idempotency-Key"] = call.key
        return headers

    async def _seen(self, call: Call, number: int, left_s: float, headers: dict[str, str]) -> Body:
        """Send it once through the breaker, tell the observers, and log what went wrong: no person, no secret."""
        loop = asyncio.get_running_loop()
        began, outcome, fault = loop.time(), Outcome.DONE, ""
        try:
            with self._breaker.guarding():
                return body_of(await self._transport.exchange(call, left_s, headers), changes=call.changes)
        except Fault as error:
            outcome, fault = error.outcome, type(error.__cause__ or error).__name__
            raise
        except RemoteRefusal as error:
            outcome = Outcome.KEY_MISMATCH if isinstance(error, KeyMismatch) else Outcome.REFUSED
            raise
        except DomainError:
            outcome = Outcome.BREAKER_OPEN
            raise
        finally:
            observed(Try(call.name, outcome, loop.time() - began, number))
            self._log(call, outcome, number, fault)

    def _log(self, call: Call, outcome: Outcome, number: int, fault: str) -> None:
        if outcome in (Outcome.DONE, Outcome.REFUSED, Outcome.BREAKER_OPEN):
            return
        facts = {"call": call.name, "outcome": outcome.value, "number": number, "request_id": call.trace}
        if outcome == Outcome.KEY_MISMATCH:
            log.error("loyalty_key_mismatch", key=call.key, **facts)
        else:
            log.warning("loyalty_call_failed", fault=fault, **facts)


def _read(call: Call, read: Callable[[Body], T], body: Body) -> T:
    """Read an answer of success. Raises Fault: it is not as agreed."""
    try:
        return read(body)
    except Unusable as error:
        raise Fault(Outcome.NO_ANSWER, may_have_happened=call.changes) from error


def _left_open(refused: RemoteRefusal | LoyaltyUnavailable) -> str:
    """Return the fault that a refusal of the last try, or of the breaker, leaves earlier tries with; empty: it proves
    that they did nothing."""
    if isinstance(refused, RemoteRefusal):
        return "" if refused.is_proof else refused.code
    return Outcome.BREAKER_OPEN.value


def _pause(state: RetryCallState) -> float:
    """Seconds before the next try: random, up to twice as long each time, but not before a Retry-After is over."""
    fault = state.outcome.exception() if state.outcome else None
    asked_for = fault.retry_after_s if isinstance(fault, Fault) else None
    return max(asked_for or 0.0, BACKOFF(state))
