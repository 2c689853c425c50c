"""How a page answers htmx, and a browser without a script."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Role
from core.envelope import STATUS
from xxxchat.pages.commands import CommandResult


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def poll(request: HttpRequest, template: str, context: dict[str, Any], *, digest: str = "") -> HttpResponse:
    """What changes in a page or a part of it, or 204 while just that is shown (`seen` is its digest)."""
    if request.GET.get("seen") == (digest or context["digest"]):
        return HttpResponse(status=204)
    return render(request, template, context)


def redrawn(
    request: HttpRequest, template: str, context: dict[str, Any], result: CommandResult, *, close_dialog: bool = False
) -> HttpResponse:
    """The answer to a command by htmx: regions swapped out of band, a notice, and the dialog closed."""
    response = render(request, template, context)
    response.headers["HX-Reswap"] = "none"
    events: dict[str, object] = {"dialog:close": {}} if close_dialog else {}
    if result.message:
        events["toast"] = {"text": result.message, "kind": "ok"}
    if events:
        response.headers["HX-Trigger-After-Settle"] = json.dumps(events)
    return response


def redirected(request: HttpRequest, result: CommandResult, fallback: str) -> HttpResponseRedirect:
    """The answer to a form without a script: the message stands on top of the page that the form named."""
    if result.refusal is not None:
        messages.error(request, result.refusal.notice)
    elif result.message:
        messages.success(request, result.message)
    return HttpResponseRedirect(safe_next(request, fallback))


def safe_next(request: HttpRequest, fallback: str) -> str:
    """The address that the request names as the next one, if it is on this site."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else fallback


def home_of(role: str) -> str:
    """The page that somebody of this role begins with."""
    return reverse("studio" if role == Role.PERFORMER else "lobby")


def status_of(result: CommandResult | None) -> int:
    """The HTTP status of a page that shows a form again."""
    return 200 if result is None or result.error is None else STATUS[result.error.kind]
