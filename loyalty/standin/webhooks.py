"""Events to the product: signed as the contract says, or wrongly, once or twice."""

import hmac
import time
import uuid
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import ClientSession, ClientTimeout

from loyalty.standin.answers import Refused
from loyalty.standin.faults import OF_EVENTS, Faults, Kind
from loyalty.standin.fields import Fields, invalid

TIMEOUT = ClientTimeout(total=10)
TYPES = (
    "POINTS_POSTED", "POINTS_REVERSED", "REDEMPTION_COMMITTED", "REDEMPTION_REVERSED", "LINK_UPDATED",
    "PROMOTION_STATUS_CHANGED", "TRANSFER_COMPLETED", "TRANSFER_REVERSED",
)  # fmt: skip
SIGNATURES = ("right", "wrong", "none")


@dataclass(frozen=True)
class Delivery:
    """How one event is sent. `age_s`: how long ago it says it was signed; None: it has no time."""

    url: str
    body: bytes
    signature: str = "right"
    age_s: int | None = 0
    copies: int = 1


@dataclass(frozen=True)
class Sender:
    """Sends events to the product. `url`: where, unless an event names another address."""

    url: str
    secret: str = field(repr=False)
    faults: Faults

    async def send(self, fields: Fields) -> list[dict[str, Any]]:
        """Send one event as the command describes it; return the answer to each of its copies.

        Raises:
            Refused: the command is not right, or nothing listens there.
        """
        delivery = self._delivery(fields)
        headers = {"Content-Type": "application/json", **self.signed(delivery)}
        async with ClientSession(timeout=TIMEOUT) as session:
            try:
                return [await _post(session, delivery, headers) for _ in range(delivery.copies)]
            except OSError as error:
                raise Refused(502, "NOT_DELIVERED", f"{delivery.url} does not answer.") from error

    def signed(self, delivery: Delivery) -> dict[str, str]:
        """Return the headers that sign an event: the HMAC of its body, or of its time, a dot and its body."""
        if delivery.signature == "none":
            return {}
        headers, message = {}, delivery.body
        if delivery.age_s is not None:
            at = str(int(time.time()) - delivery.age_s)
            headers, message = {"X-RRR-Timestamp": at}, f"{at}.".encode() + delivery.body
        secret = self.secret if delivery.signature == "right" else f"not {self.secret}"
        return headers | {"X-RRR-Signature": hmac.new(secret.encode(), message, sha256).hexdigest()}

    def _delivery(self, fields: Fields) -> Delivery:
        url, signature = fields.get("url") or self.url, fields.get("signature", "right")
        if not url:
            raise invalid("url is missing: the stand-in was started without one.")
        if signature not in SIGNATURES:
            raise invalid(f"signature must be one of {', '.join(SIGNATURES)}.")
        kind = self.faults.plan(urlsplit(url).path, kinds=OF_EVENTS).kind
        return Delivery(
            url,
            _event(fields),
            signature="wrong" if kind is Kind.WRONG_SIGNATURE else signature,
            age_s=fields.get("ageSeconds", 0),
            copies=2 if kind is Kind.DUPLICATE else fields.get("copies", 1),
        )


def _event(fields: Fields) -> bytes:
    """Return the body of an event: `event` as it was given, with an id and a type if it has none."""
    event = fields.get("event", {})
    if not isinstance(event, dict):
        raise invalid("event must be an object.")
    return orjson.dumps({"event_id": str(uuid.uuid4()), "type": TYPES[0], **event})


async def _post(session: ClientSession, delivery: Delivery, headers: dict[str, str]) -> dict[str, Any]:
    async with session.post(delivery.url, data=delivery.body, headers=headers) as answer:
        return {"status": answer.status, "body": await answer.text()}
