"""Asking for the erasure of one's account, and calling it off."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services as accounts
from accounts.errors import CannotErase, ErasureClosed, WrongCode, WrongCredentials
from accounts.models import Role
from core.db import command
from core.envelope import STATUS, headers_of
from core.errors import DomainError, Throttled
from escrow import services as escrow
from xxxchat.pages.commands import signed_in
from xxxchat.pages.people.fields import FlaggedForm, typed


class ErasureForm(FlaggedForm):
    """The password, and a code where the account has a second factor."""

    password = forms.CharField(
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "inp", "autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code of the authenticator, or a recovery code",
        max_length=20,
        required=False,
        widget=typed("text", "one-time-code", spellcheck="false"),
    )


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Say what goes and what stays, and ask for the password; posted, note that the account is to be erased.

    Raises:
        CannotErase: an account of another role.
    """
    user = signed_in(request)
    if user.role != Role.USER:
        raise CannotErase
    form, refusal = ErasureForm(request.POST or None), None
    if form.is_valid():
        given = form.cleaned_data
        try:
            accounts.confirm_self(user=user, password=given["password"], code=given["code"])
        except (WrongCredentials, WrongCode, Throttled) as error:
            refusal = error
            field = "code" if isinstance(error, WrongCode) else "password"
            form.add_error(field, "The password is not right." if isinstance(error, WrongCredentials) else error.text)
        else:
            command(lambda: accounts.ask_erasure(user_id=user.pk, actor=user))
            messages.success(request, "Your account will be erased. Until then you can call it off here.")
            return HttpResponseRedirect(reverse("account"))
    return _shown(request, form, refusal)


@login_required
@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    """Call the erasure off."""
    user = signed_in(request)
    try:
        if command(lambda: accounts.cancel_erasure(user_id=user.pk)):
            messages.success(request, "Your account stays.")
    except ErasureClosed as error:
        messages.error(request, error.text)
    return HttpResponseRedirect(reverse("account"))


def _shown(request: HttpRequest, form: ErasureForm, refusal: DomainError | None) -> HttpResponse:
    form.flag()
    user = signed_in(request)
    context = {
        "form": form,
        "has_factor": accounts.factor_of(user).is_on,
        "open": escrow.open_holds_of(user.pk),
        "asked": accounts.erasure_of(user.pk),
    }
    status = STATUS[refusal.kind] if refusal else 400 if form.is_bound else 200
    response = render(request, "pages/account/erase.html", context, status=status)
    for name, value in (headers_of(refusal) if refusal else {}).items():
        response.headers[name] = value
    return response
