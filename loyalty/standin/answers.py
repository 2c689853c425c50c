"""Answers of the stand-in, and refusals in both shapes in which deployments of RedRoomRewards send them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson


class Shape(StrEnum):
    """How a refusal looks: `{"success": false, "error": CODE, …}`, or `{"error": {"code", "message", "details"}}`."""

    FLAT = "flat"
    WRAPPED = "wrapped"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, to the byte."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A call was refused and nothing changed. `details` are members of the answer.

    `is_kept`: the refusal is the result of its key from now on.
    """

    def __init__(self, status: int, code: str, message: str, *, is_kept: bool = False, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.is_kept = is_kept
        self.details = details
        self.headers: dict[str, str] = {}

    def answer(self, shape: Shape) -> Answer:
        """Return the refusal in a shape."""
        if shape is Shape.WRAPPED:
            body: dict[str, Any] = {"error": {"code": self.code, "message": self.message, "details": self.details}}
        else:
            body = {"success": False, "error": self.code, "message": self.message, **self.details}
        return Answer(self.status, orjson.dumps(body), self.headers)


def done(payload: Any) -> Answer:
    """Return the answer to a call that was carried out."""
    return Answer(200, orjson.dumps(payload))
