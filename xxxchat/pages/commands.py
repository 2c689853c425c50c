"""How a form becomes a command: the form's key, `once`, and an outcome that the page can say.

The caller and the operation are the API's, so one key means one thing however it arrives.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import User
from core import idempotency
from core.api import KEY
from core.envelope import STATUS
from core.errors import IdempotencyKeyRequired, Refused, ValidationFailed
from xxxchat.pages import words

T = TypeVar("T")
NOT_PART_OF_IT = ("csrfmiddlewaretoken", "idempotency_key", "next")


@dataclass(frozen=True)
class Outcome:
    """What to tell: a message, or why not. `error` is the refusal as the service raised it."""

    message: str = ""
    refusal: words.Refusal | None = None
    error: Refused | None = None

    @property
    def done(self) -> bool:
        return self.refusal is None


def signed_in(request: HttpRequest) -> User:
    """The person behind a request that `login_required` let through."""
    if not isinstance(request.user, User):
        raise AssertionError("the view needs login_required")
    return request.user


def keyed(
    request: HttpRequest,
    *,
    operation: str,
    work: Callable[[], T],
    say: Callable[[T], str],
    before: Callable[[], object] | None = None,
    about: words.About | None = None,
) -> Outcome:
    """Run a keyed command once; every repeat of the form gets the first message."""
    try:
        return Outcome(_once(request, operation, work, say, before))
    except Refused as error:
        return Outcome(refusal=words.refusal(error, about), error=error)


def unkeyed(work: Callable[[], object], message: str, about: words.About | None = None) -> Outcome:
    """Run a command that may be repeated freely."""
    try:
        work()
    except Refused as error:
        return Outcome(refusal=words.refusal(error, about), error=error)
    return Outcome(message)


def _once(
    request: HttpRequest,
    operation: str,
    work: Callable[[], T],
    say: Callable[[T], str],
    before: Callable[[], object] | None,
) -> str:
    key = request.POST.get("idempotency_key", "")
    if not KEY.match(key):
        raise IdempotencyKeyRequired
    caller: UUID = signed_in(request).pk
    form = {name: value for name, value in request.POST.items() if name not in NOT_PART_OF_IT}
    fingerprint = idempotency.fingerprint_of("POST", request.path, form)
    answer = idempotency.replay(caller=caller, operation=operation, key=key, fingerprint=fingerprint)
    if answer is None:
        answer = idempotency.once(
            caller=caller,
            operation=operation,
            key=key,
            fingerprint=fingerprint,
            work=work,
            render=lambda done: {"message": say(done)},
            before=before,
        )
    return str(json.loads(answer.body)["message"])


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def told(response: HttpResponse, outcome: Outcome, *, close_dialog: bool = False) -> HttpResponse:
    """Let the page show the message, and close its dialog."""
    events: dict[str, object] = {"dialog:close": {}} if close_dialog else {}
    if outcome.done and outcome.message:
        events["toast"] = {"text": outcome.message, "kind": "ok"}
    if events:
        response.headers["HX-Trigger-After-Settle"] = json.dumps(events)
    return response


def back(request: HttpRequest, outcome: Outcome, fallback: str) -> HttpResponseRedirect:
    """Without a script: go where the form said, with the message on top."""
    if outcome.refusal is not None:
        messages.error(request, str(outcome.refusal))
    elif outcome.message:
        messages.success(request, outcome.message)
    return HttpResponseRedirect(safe_next(request, fallback))


def safe_next(request: HttpRequest, fallback: str) -> str:
    """The address the request asks to go to, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else fallback


def whole(text: str) -> int | None:
    """An amount typed into a form: digits only, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def line_of_text(request: HttpRequest, name: str, most: int) -> str:
    """One line typed into a form.

    Raises:
        ValidationFailed: it has a NUL, or is too long.
    """
    text = request.POST.get(name, "").strip()
    if "\0" in text or len(text) > most:
        raise ValidationFailed(form=[f"{name}: plain text of {most} letters at most."])
    return text


def status_of(outcome: Outcome | None) -> int:
    """The answer's number for a page that shows an outcome again."""
    return 200 if outcome is None or outcome.error is None else STATUS[outcome.error.kind]
