"""Sign-in, sign-out, account and theme."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import services
from accounts.errors import SignInLocked, WrongCredentials
from accounts.models import Role
from core.envelope import STATUS, headers_of
from xxxchat.pages.commands import signed_in
from xxxchat.pages.refusals import Refusal
from xxxchat.pages.responses import safe_next
from xxxchat.pages.shell import THEME_COOKIE, THEMES

YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True)
class ThemeChoice:
    value: str
    label: str
    icon: str


CHOICES = (
    ThemeChoice("dark", "Dark", "moon"),
    ThemeChoice("light", "Light", "sun"),
    ThemeChoice("system", "Device", "settings"),
)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form, or start a session and redirect."""
    username = request.POST.get("username", "")[:150]
    context: dict[str, object] = {"username": username, "next": safe_next(request, "")}
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request, _home(signed_in(request).role)))
        return render(request, "pages/sign_in.html", context)
    try:
        if "\0" in username:  # no account has such a name, and no column can hold it
            raise WrongCredentials
        user = services.sign_in(request, username=username, password=request.POST.get("password", "")[:1024])
    except (WrongCredentials, SignInLocked) as error:
        context["refusal"] = Refusal(error.text)
        response = render(request, "pages/sign_in.html", context, status=STATUS[error.kind])
        for name, value in headers_of(error).items():
            response.headers[name] = value
        return response
    return HttpResponseRedirect(safe_next(request, _home(user.role)))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    services.sign_out(request)
    return HttpResponseRedirect(reverse("lobby"))


@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/account.html", {"role": Role(signed_in(request).role).label, "themes": CHOICES})


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice of colours in a cookie of this device."""
    response = HttpResponseRedirect(safe_next(request, reverse("account")))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE, chosen, max_age=YEAR_S, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    return response


def _home(role: str) -> str:
    return reverse("studio" if role == Role.PERFORMER else "lobby")
