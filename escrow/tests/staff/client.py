"""Requests of staff and their refusals."""

from typing import Any

from accounts.models import User
from tests import world


def post(who: User, path: str, key: dict[str, str] | None = None, **body: Any) -> Any:
    return world.client_of(who).post(f"/api/v1/{path}", body, format="json", headers=key or world.key())


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def grant(who: User, owner: User, amount: int, **more: Any) -> Any:
    facts = {"userId": str(owner.pk), "currency": "TOKEN", "amount": amount, "reason": "sorry", **more}
    return post(who, "admin/grants", **facts)
