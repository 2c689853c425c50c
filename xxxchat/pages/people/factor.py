"""The second factor: the code at sign-in, setting it up, its recovery codes, removing it."""

import io
import re
from typing import Any
from urllib.parse import quote

import qrcode
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from qrcode.image.svg import SvgPathImage

from accounts import services as accounts
from accounts.errors import WrongCode, WrongCredentials
from core.envelope import STATUS, headers_of
from core.errors import DomainError, Throttled
from xxxchat.pages.commands import signed_in
from xxxchat.pages.people.fields import CodeForm
from xxxchat.pages.responses import home_of, safe_next

REFUSED = (WrongCode, Throttled)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def at_sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for the code after a right password, and start the session."""
    if not accounts.awaits_code(request):
        return HttpResponseRedirect(reverse("sign-in"))
    form, refusal = CodeForm(request.POST or None), None
    if form.is_valid():
        try:
            user = accounts.confirm_sign_in(request, code=form.cleaned_data["code"])
        except WrongCredentials:
            return HttpResponseRedirect(reverse("sign-in"))
        except REFUSED as error:
            refusal = error
            form.add_error("code", error.text)
        else:
            return HttpResponseRedirect(safe_next(request, home_of(user.role)))
    return _answer(request, "pages/people/sign_in_code.html", form, refusal, next=safe_next(request, ""))


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show the state of the second factor, or set it up; recovery codes are in the answer to that form only."""
    user = signed_in(request)
    factor = accounts.factor_of(user)
    if factor.is_on:
        return render(request, "pages/people/factor_on.html", {"factor": factor, "form": CodeForm()})
    secret = accounts.proposed_secret(user, request.session.session_key or "")
    form, refusal = CodeForm(request.POST or None), None
    if form.is_valid():
        try:
            codes = accounts.set_up_factor(user=user, secret=secret, code=form.cleaned_data["code"])
        except REFUSED as error:
            refusal = error
            form.add_error("code", error.text)
        else:
            accounts.renew_session(request)  # another secret, should it be set up again
            return render(request, "pages/people/factor_codes.html", {"codes": codes})
    address = _address(user.username, secret)
    facts = {"secret": " ".join(re.findall("....", secret)), "address": address, "picture": _picture(address)}
    return _answer(request, "pages/people/factor_off.html", form, refusal, **facts)


@sensitive_post_parameters()
@login_required
@require_http_methods(["POST"])
def new_codes(request: HttpRequest) -> HttpResponse:
    """Replace the recovery codes, by a code of the authenticator."""
    return _by_code(request, "renew")


@sensitive_post_parameters()
@login_required
@require_http_methods(["POST"])
def turn_off(request: HttpRequest) -> HttpResponse:
    """Remove the second factor, by a code of it or a recovery code."""
    return _by_code(request, "remove")


def _by_code(request: HttpRequest, what: str) -> HttpResponse:
    user, form, refusal = signed_in(request), CodeForm(request.POST), None
    if form.is_valid():
        try:
            if what == "renew":
                codes = accounts.renew_recovery_codes(user=user, code=form.cleaned_data["code"])
                return render(request, "pages/people/factor_codes.html", {"codes": codes})
            accounts.remove_factor(user=user, code=form.cleaned_data["code"])
        except REFUSED as error:
            refusal = error
            form.add_error("code", error.text)
        else:
            messages.success(request, "The second factor is off. Name and password are enough again.")
            return HttpResponseRedirect(reverse("second-factor"))
    return _answer(request, "pages/people/factor_on.html", form, refusal, factor=accounts.factor_of(user), wanted=what)


def _answer(
    request: HttpRequest, template: str, form: CodeForm, refusal: DomainError | None, **facts: Any
) -> HttpResponse:
    form.flag()
    status = STATUS[refusal.kind] if refusal else 400 if form.is_bound else 200
    response = render(request, template, {"form": form, **facts}, status=status)
    for name, value in (headers_of(refusal) if refusal else {}).items():
        response.headers[name] = value
    return response


def _address(username: str, secret: str) -> str:
    """Return what authenticators read (Google's Key URI format)."""
    issuer = quote(settings.SITE_NAME)
    return f"otpauth://totp/{issuer}:{quote(username)}?secret={secret}&issuer={issuer}"


def _picture(address: str) -> SafeString:
    """Return the QR code as inline SVG without styles, which the pages' policy forbids."""
    drawn = qrcode.make(address, image_factory=SvgPathImage, border=0)
    buffer = io.BytesIO()
    drawn.save(buffer)
    text = buffer.getvalue().decode()
    box, path = (re.findall(rf' {name}="([\w\s,.-]+)"', text)[0] for name in ("viewBox", "d"))
    return format_html(
        '<svg class="qr-code" viewBox="{}" role="img" aria-label="QR code of the key">'
        '<path fill="currentColor" d="{}"/></svg>',
        box,
        path,
    )
