"""One exchange with RedRoomRewards over a connection that is kept: aiohttp's part."""

from typing import Any

import aiohttp

from loyalty.client.answers import Reply
from loyalty.client.call import Call
from loyalty.client.config import Config
from loyalty.client.faults import Fault, Outcome
from loyalty.client.values import rendered

CONNECTIONS, KEEP_ALIVE_S = 256, 30.0


class Transport:
    """A session with keep-alive, used from one event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def exchange(self, call: Call, left_s: float, headers: dict[str, str]) -> Reply:
        """Send a call once and return the answer. Raises Fault: there was none."""
        timeout = aiohttp.ClientTimeout(
            total=max(0.001, min(self._config.try_timeout_s, left_s)), sock_connect=self._config.connect_timeout_s
        )
        given: dict[str, Any] = {"headers": headers, "params": call.params, "timeout": timeout}
        if call.body is not None:
            given["data"] = rendered(call.body)
        method, url = "GET" if call.body is None else "POST", self._config.base_url + call.path
        try:
            async with self._session.request(method, url, allow_redirects=False, **given) as answer:
                return Reply(answer.status, await answer.read(), answer.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Fault(Outcome.NOT_REACHED, may_have_happened=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Fault(Outcome.NO_ANSWER, may_have_happened=call.changes) from error
