"""Sign-in, sign-out, account and theme."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import services
from accounts.errors import CodeRequired, EmailNotConfirmed, SignInLocked, WrongCredentials
from accounts.models import Role
from compliance import services as compliance
from core import mailing
from core.envelope import STATUS, headers_of
from core.errors import Throttled
from escrow import services as escrow
from xxxchat.pages.commands import signed_in
from xxxchat.pages.refusals import Refusal
from xxxchat.pages.responses import home_of, safe_next
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
AGES = {
    "verified": "18 or over, verified",
    "rejected": "Not accepted",
    "pending": "Being checked",
    "": "Not verified",
}


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form, or start a session and redirect."""
    username = request.POST.get("username", "")[:150]
    context: dict[str, object] = {"username": username, "next": safe_next(request, "")}
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request, home_of(signed_in(request).role)))
        return render(request, "pages/sign_in.html", context)
    try:
        if "\0" in username:  # no account has such a name, and no column can hold it
            raise WrongCredentials
        user = services.sign_in(request, username=username, password=request.POST.get("password", "")[:1024])
    except CodeRequired:
        return HttpResponseRedirect(f"{reverse('sign-in-code')}?{urlencode({'next': safe_next(request, '')})}")
    except EmailNotConfirmed as error:
        context["refusal"] = Refusal(error.text, _sent_again(request, username))
        return render(request, "pages/sign_in.html", context, status=STATUS[error.kind])
    except (WrongCredentials, SignInLocked) as error:
        context["refusal"] = Refusal(error.text)
        response = render(request, "pages/sign_in.html", context, status=STATUS[error.kind])
        for name, value in headers_of(error).items():
            response.headers[name] = value
        return response
    return HttpResponseRedirect(safe_next(request, home_of(user.role)))


def _sent_again(request: HttpRequest, username: str) -> str:
    """Send the link that confirms the address once more; its owner has just shown the password."""
    user = services.named(username)
    try:
        services.count_mail(user.email)
    except Throttled:
        return "It was sent several times already."
    mailing.send(request, "confirm", user.email, key=services.confirmation_key(user))
    return "We have sent it again."


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    services.sign_out(request)
    return HttpResponseRedirect(reverse("lobby"))


@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """Show who one is, where one is signed in, and what one can do about it."""
    user = signed_in(request)
    context = {
        "role": Role(user.role).label,
        "themes": CHOICES,
        "age": AGES[compliance.age_state_of(user)],
        "erasure": services.erasure_of(user.pk),
        "open": escrow.open_holds_of(user.pk),
        "support": settings.SUPPORT_ADDRESS,
        "export": services.export_of(user.pk),
        "factor": services.factor_of(user),
        "places": services.places_of(user, here=request.session.session_key or ""),
    }
    return render(request, "pages/account.html", context)


class NewPasswordForm(PasswordChangeForm):
    """Django's form. The new password must be another one."""

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or {}
        if cleaned.get("new_password1") and cleaned["new_password1"] == cleaned.get("old_password"):
            self.add_error("new_password1", "Choose another password than the old one.")
        return cleaned


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's password; the first thing to do where somebody else has set it."""
    user = signed_in(request)
    form = NewPasswordForm(user, request.POST or None)
    if form.is_valid():
        services.change_password(request, password=form.cleaned_data["new_password1"])
        messages.success(request, "Your password is changed. Other devices are signed out.")
        return HttpResponseRedirect(safe_next(request, home_of(user.role)))
    context = {"form": form, "first": user.must_change_password, "next": safe_next(request, "")}
    return render(request, "pages/password.html", context, status=400 if form.is_bound else 200)


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
