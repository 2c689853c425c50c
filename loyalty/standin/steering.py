"""A client of the calls under `/standin/`, for tests and benchmarks."""

from collections.abc import Sequence
from typing import Any

import httpx


class Steering:
    """Steers the stand-in at an address."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/standin/", timeout=30)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def fault(self, kind: str, **facts: Any) -> None:
        """Put a fault in force: `rate` or `count`, `path`, `ms`, `retryAfter`, `seed`."""
        self._ask("POST", "faults", {"kind": kind, **facts})

    def clear(self) -> None:
        """End all faults."""
        self._ask("DELETE", "faults")

    def stats(self) -> dict[str, Any]:
        """Return what it has counted since it started."""
        return self._ask("GET", "stats")

    def put_members(self, members: Sequence[dict[str, Any]]) -> None:
        """Make members, or change them: `memberId`, `proof`, `balance`, `clientUserId`."""
        self._ask("POST", "members", {"members": members})

    def members(self) -> list[dict[str, Any]]:
        """Return every member with its balance."""
        found: list[dict[str, Any]] = self._ask("GET", "members")["members"]
        return found

    def entries(self) -> list[dict[str, Any]]:
        """Return the ledger of all members."""
        found: list[dict[str, Any]] = self._ask("GET", "entries")["entries"]
        return found

    def shape(self, shape: str) -> None:
        """Choose the shape of refusals: `flat` or `wrapped`."""
        self._ask("POST", "shape", {"shape": shape})

    def send_event(self, **facts: Any) -> list[dict[str, Any]]:
        """Have an event sent to the product; return the answers to its copies."""
        found: list[dict[str, Any]] = self._ask("POST", "webhooks", facts)["deliveries"]
        return found

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
