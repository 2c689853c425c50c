"""Events as the payment provider sends them."""

import json
import time
from typing import Any

from django.test import Client

from accounts.models import User
from core.ids import new_id
from escrow.models import TokenPackage
from escrow.services.payments import signature

SECRET = "demo-only-webhook-secret"
ADDRESS = "/api/v1/payments/webhook"


def event_of(alice: User, package: TokenPackage, **facts: Any) -> dict[str, Any]:
    answers = {
        "eventId": f"evt_{new_id()}",
        "type": "order.paid",
        "orderId": "ord_1",
        "userId": str(alice.pk),
        "packageId": str(package.pk),
        "amount": 500,
    }
    return {name: value for name, value in (answers | facts).items() if value is not None}


def send(body: bytes | dict[str, Any], *, secret: str = SECRET, age_s: int = 0, header: str | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = int(time.time()) - age_s
    signed = f"t={at},v1={signature(raw, at, secret)}" if header is None else header
    return Client().post(ADDRESS, raw, content_type="application/json", headers={"X-Payment-Signature": signed})


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
