"""The link that confirms an e-mail address."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import services as accounts
from accounts.errors import LinkDead


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a press, since mail programs open links by themselves; then confirm the address."""
    if request.method == "POST":
        try:
            accounts.confirm_address(key)
        except LinkDead:
            return _dead(request)
        messages.success(request, "Your e-mail address is confirmed. Sign in with your name.")
        return HttpResponseRedirect(reverse("sign-in"))
    return render(request, "pages/people/confirm.html") if accounts.may_confirm(key) else _dead(request)


def _dead(request: HttpRequest) -> HttpResponse:
    context = {"again": reverse("sign-in"), "next_step": "Sign in"}
    return render(request, "pages/people/dead_link.html", context, status=404)
