"""How a form becomes a command: its key, its fields, the command run once, and a result that the page can show.

The caller and the operation are the API's, so a key means the same command on both ways.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpRequest

from accounts.models import User
from core import idempotency
from core.api import KEY
from core.batches import Command, KeyedRequest
from core.context import request_id
from core.errors import IdempotencyKeyRequired, Refused, ValidationFailed
from core.origin import origin_of
from xxxchat.pages.refusals import Refusal, refusal_of

In = TypeVar("In")
T = TypeVar("T")
UNSIGNED_FIELDS = ("csrfmiddlewaretoken", "idempotency_key", "next")
"""Fields that are no part of the command's fingerprint."""


@dataclass(frozen=True)
class CommandResult:
    """A message, or a refusal as the page puts it with the `error` that the service raised."""

    message: str = ""
    refusal: Refusal | None = None
    error: Refused | None = None

    @property
    def done(self) -> bool:
        return self.refusal is None


def signed_in(request: HttpRequest) -> User:
    """The user of a request behind `login_required`."""
    if not isinstance(request.user, User):
        raise AssertionError("the view needs login_required")
    return request.user


def viewer(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def keyed(
    request: HttpRequest,
    *,
    operation: str,
    work: Callable[[], T],
    message: Callable[[T], str],
    before: Callable[[], object] | None = None,
    performer: str = "",
) -> CommandResult:
    """Run a keyed command once; a repeated form gets the first message. `performer` is named in refusals."""
    try:
        return CommandResult(_once(request, operation, work, message, before))
    except Refused as error:
        return CommandResult(refusal=refusal_of(error, performer), error=error)


def run(
    request: HttpRequest,
    command: Command[In],
    *,
    given: Callable[[], In],
    message: Callable[[Any], str],
    before: Callable[[], object] | None = None,
    performer: str = "",
) -> CommandResult:
    """Run a command whose rules are a `Batch` once, for this form alone, as `keyed` does the others."""
    try:
        key, caller, fingerprint = _key_of(request)
        answer = idempotency.replay(caller=caller, operation=command.operation, key=key, fingerprint=fingerprint)
        if answer is None:
            told = replace(command, render=lambda done: {"message": message(done)})
            asked = KeyedRequest(
                caller_id=caller,
                claims=None,
                key=key,
                fingerprint=fingerprint,
                request_id=request_id(),
                origin=origin_of(request),
                input=given(),
            )
            answer = told.run(asked, before=before)
        return CommandResult(_message_of(answer))
    except Refused as error:
        return CommandResult(refusal=refusal_of(error, performer), error=error)


def unkeyed(work: Callable[[], object], message: str) -> CommandResult:
    """Run a command that may be repeated."""
    try:
        work()
    except Refused as error:
        return CommandResult(refusal=refusal_of(error), error=error)
    return CommandResult(message)


def _once(
    request: HttpRequest,
    operation: str,
    work: Callable[[], T],
    message: Callable[[T], str],
    before: Callable[[], object] | None,
) -> str:
    key, caller, fingerprint = _key_of(request)
    answer = idempotency.replay(caller=caller, operation=operation, key=key, fingerprint=fingerprint)
    if answer is None:
        answer = idempotency.once(
            caller=caller,
            operation=operation,
            key=key,
            fingerprint=fingerprint,
            work=work,
            render=lambda done: {"message": message(done)},
            before=before,
        )
    return _message_of(answer)


def _key_of(request: HttpRequest) -> tuple[str, UUID, bytes]:
    """A form's key, its caller, and the fingerprint of its fields. Raises IdempotencyKeyRequired."""
    key = request.POST.get("idempotency_key", "")
    if not KEY.match(key):
        raise IdempotencyKeyRequired
    form = {name: value for name, value in request.POST.items() if name not in UNSIGNED_FIELDS}
    return key, signed_in(request).pk, idempotency.fingerprint_of("POST", request.path, form)


def _message_of(answer: idempotency.Answer) -> str:
    return str(json.loads(answer.body)["message"])


def whole_number(text: str) -> int | None:
    """A number typed into a form: at most ten digits and nothing else, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def amount_field(request: HttpRequest, name: str) -> int:
    """A field with an amount. Raises ValidationFailed unless it is a whole number."""
    amount = whole_number(request.POST.get(name, "").strip())
    if amount is None:
        raise ValidationFailed(form=[f"{name}: a whole number."])
    return amount


def id_field(request: HttpRequest, name: str) -> UUID | None:
    """A field with an id; None if it is empty or missing. Raises ValidationFailed unless it is one."""
    text = request.POST.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise ValidationFailed(form=[f"{name}: an id."]) from None


def text_field(request: HttpRequest, name: str, max_chars: int) -> str:
    """A field of one line. Raises ValidationFailed if it has a NUL or is too long."""
    text = request.POST.get(name, "").strip()
    if "\0" in text or len(text) > max_chars:
        raise ValidationFailed(form=[f"{name}: plain text of {max_chars} letters at most."])
    return text
