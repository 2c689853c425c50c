"""A third-party game on the API: `python dare.py http://localhost:8000`. Standard library only.

Alice dares Ruby to something for 25 tokens. The game (the service account `arcade`) holds the tokens, submits the
dare, and waits until Ruby has performed it; then it tosses a coin for 10 tokens of Alice's, which the house keeps.
"""

import json
import secrets
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any

PASSWORD = "demo-only-password"  # of every login of the demo


class Api:
    """One signed-in account."""

    def __init__(self, base: str, username: str) -> None:
        self._base, self._token = f"{base}/api/v1", ""
        self._token = self.post("/auth/token", {"username": username, "password": PASSWORD})["access"]

    def get(self, path: str) -> Any:
        return self._send("GET", path, None, {})

    def post(self, path: str, body: dict[str, Any], *, key: str = "") -> Any:
        return self._send("POST", path, body, {"Idempotency-Key": key or str(uuid.uuid4())})

    def _send(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
        sent = json.dumps(body).encode() if body is not None else None
        headers = headers | {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._base + path, data=sent, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            error = json.load(refused)["error"]
            raise SystemExit(f"{method} {path}: {refused.code} {error['code']}: {error['message']}") from None


def main(base: str) -> None:
    game, alice, ruby = Api(base, "arcade"), Api(base, "alice"), Api(base, "ruby")
    buyer, performer = alice.get("/me")["id"], ruby.get("/me")["id"]
    ruby.post(f"/performer/{performer}/queue/open", {})
    item_id = dare(game, buyer, performer)
    perform(ruby, performer, item_id)
    item = game.get(f"/queue/items/{item_id}")
    print(f"{item['state']}: {item['settledTokens']} settled, {item['refundedTokens']} back")
    toss(game, buyer)


def dare(game: Api, buyer: str, performer: str) -> str:
    """Hold the buyer's tokens, submit the dare, and return its queue item's id."""
    source = f"dare-{secrets.token_hex(4)}"
    # 1. Hold the tokens. A repetition with the same key returns the same hold.
    hold = game.post(
        "/escrow/holds",
        {"userId": buyer, "amount": 25, "currency": "TOKEN", "payee": performer, "reason": "A dare",
         "sourceFeature": "arcade", "sourceEventId": source},
        key=f"{source}-hold",
    )  # fmt: skip
    print(f"held {hold['amount']} {hold['currency']} until {hold['expiresAt']}")

    # 2. Submit the dare. The queue orders, times, settles and refunds it; the game does not.
    item = game.post(
        "/queue/intake",
        {"idempotencyKey": f"{source}-intake", "sourceFeature": "arcade", "sourceEventId": source,
         "performerId": performer, "userId": buyer, "escrowTransactionId": hold["id"], "tokens": 25,
         "currency": "TOKEN", "title": "Sing it backwards", "durationSeconds": 60, "fulfilment": "performed",
         "award": None, "metadata": {"round": source}},
        key=f"{source}-intake",
    )  # fmt: skip
    print(f"in line at {item['position']}, state {item['state']}")
    return str(item["id"])


def perform(ruby: Api, performer: str, item_id: str) -> None:
    """3. The performer starts and finishes it (here by the API, usually on the studio page)."""
    while ruby.get(f"/queue/items/{item_id}")["position"] != 1:
        head = ruby.get(f"/performer/{performer}/queue")["items"][0]["id"]
        ruby.post(f"/queue/items/{head}/refund", {"reason": "The example is in a hurry."})
    ruby.post(f"/queue/items/{item_id}/start", {})
    ruby.post(f"/queue/items/{item_id}/finish", {})


def toss(game: Api, buyer: str) -> None:
    """4. An instant item is not performed: its hold pays the house and is settled by the intake."""
    source = f"toss-{secrets.token_hex(4)}"
    hold = game.post(
        "/escrow/holds",
        {"userId": buyer, "amount": 10, "currency": "TOKEN", "payee": "revenue", "reason": "A toss",
         "sourceFeature": "arcade", "sourceEventId": source},
        key=f"{source}-hold",
    )  # fmt: skip
    done = game.post(
        "/queue/intake",
        {"idempotencyKey": f"{source}-intake", "sourceFeature": "arcade", "sourceEventId": source, "performerId": None,
         "userId": buyer, "escrowTransactionId": hold["id"], "tokens": 10, "currency": "TOKEN",
         "title": f"Coin toss: {secrets.choice(['heads', 'tails'])}", "fulfilment": "instant"},
        key=f"{source}-intake",
    )  # fmt: skip
    print(f"{done['title']}, {done['state']}, {done['settledTokens']} settled")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000")
