"""The reality check: time and result of the session, then go on or stop. A dialog over the machine, or a page."""

import json
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Role, User
from compliance.services import REALITY_EVERY_MINUTES
from core.clock import db_now
from core.db import command
from core.errors import RoleNotAllowed
from slots import services
from xxxchat.pages import commands, responses
from xxxchat.pages.limits import tightest_of
from xxxchat.templatetags.ui import counted


@login_required
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show what was played in the running session; posted, go on playing, on the page named by `next`."""
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    if request.method == "POST":
        result = commands.unkeyed(
            lambda: command(lambda: services.answer_reality_check(user=user)),
            f"The next reality check is in {REALITY_EVERY_MINUTES} minutes.",
        )
        if responses.is_htmx(request) and result.done:
            return _closed(result.message)
        return responses.redirected(request, result, reverse("slots"))
    is_dialog = responses.is_htmx(request)
    context = _played(user) | {
        "is_dialog": is_dialog,
        "tightest": tightest_of(user),
        "next": responses.safe_next(request, ""),
        "home": reverse("lobby"),
    }
    return render(request, "pages/reality_sheet.html" if is_dialog else "pages/reality.html", context)


def _played(user: User) -> dict[str, Any]:
    """Time and points of the running session."""
    session, now = services.session(user=user), db_now()
    if session is None:
        return {"session": None, "now": now, "heading": "You are not playing now", "is_due": False}
    minutes = int((now - session.started_at).total_seconds() // 60)
    following = services.stretch_of(user=user).following
    return {
        "session": session,
        "now": now,
        "is_due": session.reality_at + timedelta(minutes=REALITY_EVERY_MINUTES) <= now,
        "heading": f"You have played for {counted(minutes, 'minute')}",
        "spins": 0 if session.nonce is None else following - session.nonce,
        "won": max(session.net_points + session.staked_points, 0),
    }


def _closed(message: str) -> HttpResponse:
    """Close the dialog, say what holds now, and have what a spin changes read again."""
    response = HttpResponse()
    response.headers["HX-Reswap"] = "none"
    events: dict[str, object] = {"dialog:close": {}, "toast": {"text": message, "kind": "ok"}, "spun": {}}
    response.headers["HX-Trigger-After-Settle"] = json.dumps(events)
    return response
