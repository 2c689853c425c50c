"""The access token of OAuth client credentials: cached, renewed in time, one renewal at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from core.errors import DomainError
from loyalty.client.faults import Fault

RENEW_BEFORE_S = 300.0
"""Of a token that lives less than twice as long: in the middle of its life."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and how many seconds it works from now on."""

    token: str = field(repr=False)
    expires_in_s: float


class Tokens:
    """The token of one client, used from one event loop. `ask` gets a new one and raises what a try raises."""

    def __init__(self, ask: Callable[[], Awaitable[Grant]]) -> None:
        self._ask = ask
        self._token = ""
        self._renew_at = self._ends_at = 0.0
        self._renewal: asyncio.Task[None] | None = None

    async def current(self) -> str:
        """Return a token that works, a new one if it ends soon; while it still works, a failed renewal does no harm.

        Raises:
            what `ask` raises: there is none.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._renew_at:
            try:
                await self._renewed()
            except (Fault, DomainError) as error:
                if now >= self._ends_at:
                    raise
                log.warning("loyalty_token_not_renewed", fault=type(error).__name__)
        return self._token

    async def replace(self, refused: str) -> str:
        """Return another token than the one that was refused; raises what `ask` raises."""
        if self._token == refused:
            await self._renewed()
        return self._token

    async def _renewed(self) -> None:
        """Wait for the renewal that runs, or for a new one. Whoever gives up waiting does not end it."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_seen)
        await asyncio.shield(self._renewal)

    async def _renew(self) -> None:
        grant = await self._ask()
        now = asyncio.get_running_loop().time()
        self._token = grant.token
        self._ends_at = now + grant.expires_in_s
        self._renew_at = self._ends_at - min(RENEW_BEFORE_S, grant.expires_in_s / 2)


def _seen(renewal: "asyncio.Task[None]") -> None:
    """Note that the renewal's error was seen, if nobody waits for it any more."""
    if not renewal.cancelled():
        renewal.exception()
