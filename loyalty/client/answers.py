"""What an answer of RedRoomRewards means: a result, a refusal, or a fault to be tried again."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from loyalty.client.faults import Fault, Outcome
from loyalty.client.tokens import Grant
from loyalty.client.values import (
    Balance,
    Body,
    LedgerEntry,
    LedgerPage,
    LinkStatus,
    RemoteIntent,
)
from loyalty.errors import KeyMismatch, RemoteInsufficient, RemoteRefusal, RemoteUnknownUser

MAX_CODE_CHARS = 64


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; `retry_after`: the header, if any."""

    status: int
    content: bytes
    retry_after: str | None = None


class Unusable(Exception):
    """An answer of success that is not as agreed."""


class Duplicate(Exception):
    """The key was used before: the first result stands. `new_balance`: if the answer has it."""

    def __init__(self, new_balance: int | None) -> None:
        self.new_balance = new_balance
        super().__init__("DUPLICATE_TRANSACTION")


def body_of(reply: Reply, *, changes: bool) -> Body:
    """Return the body of a result. `changes`: the call changes something over there.

    Raises:
        Fault: to be tried again; RemoteRefusal; Duplicate.
    """
    body = _object(reply.content)
    code, facts = _error_of(body)
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES and code is None:
        if body is None:
            raise Fault(Outcome.NO_ANSWER, may_have_happened=changes)
        return body
    raise _refusal(reply, code, facts, changes=changes)


def _refusal(reply: Reply, code: str | None, facts: Body, *, changes: bool) -> Exception:
    match code, reply.status:
        case "DUPLICATE_TRANSACTION", _:
            return Duplicate(_whole(facts.get("newBalance")))
        case "INSUFFICIENT_BALANCE", _:
            return RemoteInsufficient(_whole(facts.get("currentBalance")))
        case "INVALID_USER", _:
            return RemoteUnknownUser()
        case "IDEMPOTENCY_KEY_REUSE_MISMATCH", _:
            return KeyMismatch()
        case ("RATE_LIMIT_EXCEEDED", _) | (_, HTTPStatus.TOO_MANY_REQUESTS):
            after_s = _seconds(reply.retry_after)
            return Fault(Outcome.RATE_LIMITED, may_have_happened=False, retry_after_s=after_s)
        case "SYSTEM_ERROR", _:
            after_s = _seconds(reply.retry_after)
            return Fault(Outcome.SERVER_ERROR, may_have_happened=False, retry_after_s=after_s)
        case str(), HTTPStatus.CONFLICT if "LINKED" in code:  # the contract names no codes for links
            return RemoteRefusal(code)
        case _, HTTPStatus.UNAUTHORIZED:
            return Fault(Outcome.UNAUTHORIZED, may_have_happened=False)
        case _, status if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.CONFLICT:
            after_s = _seconds(reply.retry_after)
            return Fault(Outcome.SERVER_ERROR, may_have_happened=changes, retry_after_s=after_s)
    return RemoteRefusal(code or f"HTTP_{reply.status}")


def _error_of(body: Body | None) -> tuple[str | None, Body]:
    """Return the code of an error and what it says, from either shape: flat, or wrapped in `error`."""
    error = (body or {}).get("error")
    if isinstance(error, dict):
        details = error.get("details")
        return _code(error.get("code")), details if isinstance(details, dict) else {}
    return (_code(error), body or {}) if error is not None else (None, {})


def _code(given: Any) -> str:
    """A code that may be logged and stored: upper case and underscores, else none of theirs."""
    text = str(given)[:MAX_CODE_CHARS]
    return text if text.isascii() and text.replace("_", "").isalnum() and text == text.upper() else "UNKNOWN_ERROR"


def _object(content: bytes) -> Body | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _whole(given: Any) -> int | None:
    return given if type(given) is int else None


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After, given in seconds or as a date; None for none."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def grant_of(body: Body) -> Grant:
    """The token of an answer. Raises Unusable, as the functions below do, if the answer is not as agreed."""
    token, lives_s = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(lives_s, int | float):
        raise Unusable
    return Grant(token, float(lives_s))


def new_balance_of(body: Body) -> int:
    balance = _whole(body.get("newBalance"))
    if balance is None:
        raise Unusable
    return balance


def balance_of(body: Body) -> Balance:
    try:
        return Balance(int(body["balance"]), moment(body["lastUpdated"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable from error


def ledger_of(body: Body) -> LedgerPage:
    try:
        entries = tuple(
            LedgerEntry(
                str(row["entryId"]),
                str(row["transactionId"]),
                str(row["type"]),
                int(row["pointsDelta"]),
                int(row["balanceAfter"]),
                moment(row["at"]),
            )
            for row in body["entries"]
        )
        following = body.get("next")
        return LedgerPage(entries, None if following is None else str(following))
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable from error


def intent_of(body: Body) -> RemoteIntent:
    try:
        return RemoteIntent(str(body["intentId"]), str(body["linkCode"]), moment(body["expiresAt"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable from error


def status_of(body: Body) -> LinkStatus:
    try:
        linked_at, member_id = body.get("linkedAt"), body.get("memberId")
        return LinkStatus(
            bool(body["linked"]),
            None if member_id is None else str(member_id),
            None if linked_at is None else moment(linked_at),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable from error


def moment(text: str) -> datetime:
    """A time with its zone, UTC where none is given. Raises ValueError, TypeError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
