"""Reading a call's body and query: what is missing or of the wrong kind is 400 `INVALID_REQUEST`."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from loyalty.standin.answers import Refused

Fields = Mapping[str, Any]


def invalid(message: str) -> Refused:
    return Refused(400, "INVALID_REQUEST", message)


def parsed(body: bytes) -> dict[str, Any]:
    """Return a body that must be a JSON object."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise invalid("The body is not a JSON object.")
    return found


def text(fields: Fields, name: str) -> str:
    """Return a text that is not empty."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} is missing.")
    return value


def points(fields: Fields, name: str) -> int:
    """Return a whole number of points, 1 or more."""
    value = fields.get(name)
    if type(value) is not int or value < 1:  # a boolean is an int
        raise invalid(f"{name} must be a whole number of 1 or more.")
    return value


def one_of(fields: Fields, name: str, allowed: Collection[str]) -> str:
    """Return a text that is one of those."""
    if (value := text(fields, name)) not in allowed:
        raise invalid(f"{name} must be one of {', '.join(sorted(allowed))}.")
    return value


def moment(fields: Fields, name: str) -> datetime | None:
    """Return a time with its zone; None if it is not given."""
    if not (value := fields.get(name)):
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid(f"{name} is not a time.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def iso(at: datetime) -> str:
    """Return a time as the contract writes it; texts compare as the times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
