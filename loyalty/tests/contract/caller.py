"""Calls as the contract describes them, with nothing of our own client."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Given:
    """A server under test, and whom its calls are about.

    `user_id` is linked to a member with 1,000 points or more; `new_user_id` and the member with the proof are not
    linked, or were to each other by an earlier run.
    """

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    user_id: str
    new_user_id: str
    new_member_id: str
    proof_method: str
    proof: str


@dataclass(frozen=True)
class Answered:
    """An answer with its bytes."""

    status: int
    raw: bytes
    headers: httpx.Headers

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        return cls(response.status_code, response.content, response.headers)

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def code(self) -> str:
        """The code of a refusal, in either shape."""
        error = self.body["error"]
        return str(error["code"] if isinstance(error, dict) else error)

    @property
    def details(self) -> dict[str, Any]:
        """What a refusal says beside its code, in either shape."""
        error = self.body["error"]
        found: dict[str, Any] = error.get("details", {}) if isinstance(error, dict) else self.body
        return found


class Caller:
    """Makes calls with a token of its own."""

    def __init__(self, given: Given, timeout_s: float = TIMEOUT_S) -> None:
        self.given = given
        self._client = httpx.Client(base_url=given.base_url, timeout=timeout_s)
        self._token = self.token().body["access_token"]

    def close(self) -> None:
        self._client.close()

    def token(self, **others: str) -> Answered:
        """Ask for a token; `others` in place of our credentials."""
        ours = {"client_id": self.given.client_id, "client_secret": self.given.client_secret}
        fields = {"grant_type": "client_credentials"} | ours | others
        return Answered.of(self._client.post("/oauth/token", json=fields))

    def get(self, path: str, **query: str) -> Answered:
        return Answered.of(self._client.get(f"/api/v1{path}", params=query, headers=self._headers()))

    def post(self, path: str, fields: dict[str, Any], *, key: str | None = None, **headers: str) -> Answered:
        """Change something, under a fresh key unless one is given."""
        whole = self._headers() | {"Idempotency-Key": key or fresh("call")} | headers
        return Answered.of(self._client.post(f"/api/v1{path}", json=fields, headers=whole))

    def balance(self, user_id: str | None = None) -> int:
        """The user's balance."""
        answer = self.get("/loyalty/balance", userId=user_id or self.given.user_id)
        assert answer.status == 200, answer
        return int(answer.body["balance"])

    def move(self, call: str, amount: int, key: str, *, user_id: str | None = None, **others: Any) -> Answered:
        """Deduct, credit or earn."""
        reason = {"deduct": "slot_machine_spin", "credit": "slot_machine_win", "earn": "token_purchase"}[call]
        fields = {"userId": user_id or self.given.user_id, "reason": reason, "transactionId": key} | others
        if call == "credit":
            fields |= {"metadata": {"spinId": fresh("spin"), "symbols": ["BELL"] * 3, "multiplier": "2"}}
        if call == "earn":
            fields |= {"metadata": {"orderId": fresh("order")}}
        return self.post(f"/loyalty/{call}", fields | {"points" if call == "earn" else "amount": amount}, key=key)

    def entries(self, user_id: str | None = None, **query: str) -> list[dict[str, Any]]:
        """All entries of a user, page by page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            page = self.get("/loyalty/ledger", userId=user_id or self.given.user_id, **more, **query)
            assert page.status == 200, page
            found += page.body["entries"]
            cursor = page.body["next"]
        return found

    def entries_of(self, transaction_id: str) -> list[dict[str, Any]]:
        """The entries of one transaction."""
        return [entry for entry in self.entries() if entry["transactionId"] == transaction_id]

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            "X-Client-Id": self.given.client_id,
            "X-Request-Trace": fresh("trace"),
        }


def fresh(what: str) -> str:
    """A text that nobody has used."""
    return f"{what}-{uuid.uuid4()}"
