"""Kinds of refusals. Only `core.envelope` maps them to HTTP statuses."""

from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    PAYMENT_REQUIRED = "payment_required"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNPROCESSABLE = "unprocessable"
    TOO_MANY = "too_many"
    BLOCKED = "blocked"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """A command ended without effect; the caller gets code, message and details.

    `details` (camelCase, ids and numbers only, never personal data) fill the message's placeholders and are
    sent with it. `retry_after_s` is in seconds, rounded up by the endpoint. `example` are details for the API's
    description; it has those that the message needs.
    """

    kind: ClassVar[Kind]
    code: ClassVar[str]
    message: ClassVar[str]
    example: ClassVar[dict[str, Any]] = {}

    def __init__(self, *, retry_after_s: float | None = None, **details: Any) -> None:
        self.details = details
        self.retry_after_s = retry_after_s
        super().__init__(self.text)

    @property
    def text(self) -> str:
        return self.message.format(**self.details)


class Refused(DomainError):
    """A rule refuses the command. Nothing was written, so the same key may be used again."""


class ValidationFailed(Refused):
    kind, code = Kind.INVALID, "VALIDATION_FAILED"
    message = "The request has fields that cannot be used. See details."
    example = {"reason": ["This field is required."]}


class InvalidJson(Refused):
    kind, code = Kind.INVALID, "INVALID_JSON"
    message = "The body is not a JSON object that this server reads."


class IdempotencyKeyRequired(Refused):
    kind, code = Kind.INVALID, "IDEMPOTENCY_KEY_REQUIRED"
    message = "Send an Idempotency-Key header: 8 to 128 letters, digits, _ or -."


class IdempotencyKeyReused(Refused):
    kind, code = Kind.CONFLICT, "IDEMPOTENCY_KEY_REUSED"
    message = "This key was used for another request. Use a new key."


class RequestInProgress(Refused):
    kind, code = Kind.CONFLICT, "REQUEST_IN_PROGRESS"
    message = "The first request with this key is still being worked on. Ask again."


class Unauthenticated(Refused):
    kind, code = Kind.UNAUTHENTICATED, "UNAUTHENTICATED"
    message = "Sign in first."


class Forbidden(Refused):
    kind, code = Kind.FORBIDDEN, "FORBIDDEN"
    message = "This is not yours to do."


class RoleNotAllowed(Refused):
    kind, code = Kind.FORBIDDEN, "ROLE_NOT_ALLOWED"
    message = "Your account's role cannot do this."


class CsrfFailed(Refused):
    kind, code = Kind.FORBIDDEN, "CSRF_FAILED"
    message = "The form's token is missing or old. Load the page again."


class NotFound(Refused):
    kind, code = Kind.NOT_FOUND, "NOT_FOUND"
    message = "There is nothing here."


class MethodNotAllowed(Refused):
    kind, code = Kind.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"
    message = "{method} is not known here."
    example = {"method": "PUT"}


class NotAcceptable(Refused):
    kind, code = Kind.NOT_ACCEPTABLE, "NOT_ACCEPTABLE"
    message = "Answers are application/json."


class BodyTooLarge(Refused):
    kind, code = Kind.TOO_LARGE, "BODY_TOO_LARGE"
    message = "A body may have 1 MiB at most."


class UnsupportedMediaType(Refused):
    kind, code = Kind.UNSUPPORTED, "UNSUPPORTED_MEDIA_TYPE"
    message = "Send application/json."


class Throttled(Refused):
    kind, code = Kind.TOO_MANY, "THROTTLED"
    message = "Too many attempts. Wait, then try again."


class QueueBusy(Refused):
    """A lock was not granted within 3 seconds, or too many requests wait already. Nothing was written."""

    kind, code = Kind.UNAVAILABLE, "QUEUE_BUSY"
    message = "Too many people are doing this at the moment. Nothing was taken. Try again."


class LedgerUnavailable(Refused):
    """The database could not be reached or did not answer in time."""

    kind, code = Kind.UNAVAILABLE, "LEDGER_UNAVAILABLE"
    message = "Payments are paused on our side. Nothing was held. Try again in a minute."


class InternalError(DomainError):
    kind, code = Kind.INTERNAL, "INTERNAL_ERROR"
    message = "Something on our side failed. Nothing was taken twice; quote the request id."


def assert_reason(reason: str) -> None:
    """Refuse a decision of staff that has no reason. Raises ValidationFailed."""
    if not reason.strip():
        raise ValidationFailed(reason=["A reason is needed."])
