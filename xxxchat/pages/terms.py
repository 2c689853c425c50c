"""The terms in force: anybody reads them, who is signed in accepts them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from compliance import services
from core.db import command
from core.errors import Unauthenticated
from xxxchat.pages import commands, responses


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show the terms in force; posted, accept the version that was shown."""
    user = commands.viewer(request)
    if request.method != "POST":
        return render(request, "pages/terms.html", {"terms": services.terms_of(user)})
    if user is None:
        raise Unauthenticated
    result = commands.unkeyed(
        lambda: command(lambda: services.accept_terms(user=user, version=commands.amount_field(request, "version"))),
        "The terms are accepted.",
    )
    return responses.redirected(request, result, reverse("terms"))
