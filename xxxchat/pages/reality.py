"""The reality check as a page: time and result of the session, then go on or stop."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from compliance.services import REALITY_EVERY_MINUTES, limits_of
from core.clock import db_now
from core.db import command
from core.errors import RoleNotAllowed
from slots import services
from xxxchat.pages import commands, responses


@login_required
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show what was played in the running session; posted, go on playing."""
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    if request.method == "POST":
        result = commands.unkeyed(
            lambda: command(lambda: services.answer_reality_check(user=user)),
            f"The next reality check is in {REALITY_EVERY_MINUTES} minutes.",
        )
        return responses.redirected(request, result, reverse("slots"))
    session, now = services.session(user=user), db_now()
    left = [row for row in limits_of(user=user).limits if row.currency == "POINT" and row.left is not None]
    context = {
        "session": session,
        "minutes": int((now - session.started_at).total_seconds() // 60) if session else 0,
        "tightest": min(left, key=lambda row: row.left or 0, default=None),
    }
    return render(request, "pages/reality.html", context)
