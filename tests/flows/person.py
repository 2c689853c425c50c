"""A client of the API over real HTTP."""

import uuid
from typing import Any

import httpx


class Person:
    """One signed-in client. Commands get a fresh key unless one is named."""

    def __init__(self, base: str, username: str, password: str = "demo-only-password") -> None:
        self.http = httpx.Client(base_url=f"{base}/api/v1", timeout=20)
        tokens = self.http.post("/auth/token", json={"username": username, "password": password})
        tokens.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {tokens.json()['access']}"

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def command(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> httpx.Response:
        return self.http.post(path, json=body or {}, headers={"Idempotency-Key": key or str(uuid.uuid4())})

    def do(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        answer = self.command(path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def wallet(self, currency: str) -> dict[str, int]:
        wallets: dict[str, dict[str, int]] = {wallet["currency"]: wallet for wallet in self.get("/wallet")}
        return wallets[currency]
