"""A new password by a link: asked for with an e-mail address, then chosen."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services as accounts
from accounts.errors import LinkDead
from core import mailing
from xxxchat.pages.people.fields import EmailForm


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Send a link to the address that was typed; the answer does not say whether there is an account.

    Raises:
        Throttled: too many forms from this network address, or mails to this one.
    """
    form = EmailForm(request.POST or None)
    if not form.is_valid():
        return render(request, "pages/people/reset.html", {"form": form}, status=400 if form.is_bound else 200)
    accounts.count_form(request, accounts.RESETS)
    email = form.cleaned_data["email"]
    accounts.count_mail(email)
    user = accounts.owner_of(email)
    if user is None:
        mailing.send(request, "unknown", email)
    else:
        facts = {"username": user.username, "user_id": user.pk, "token": accounts.reset_token(user)}
        mailing.send(request, "reset", user.email, **facts)
    return render(request, "pages/people/reset_sent.html", {"email": email})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, user_id: UUID, token: str) -> HttpResponse:
    """Choose the password, then sign in with it; the second factor stays."""
    try:
        form = SetPasswordForm(accounts.owner_of_reset(user_id, token), request.POST or None)
        if form.is_valid():
            accounts.reset_password(user_id, token, form.cleaned_data["new_password1"])
            messages.success(request, "Your password is changed. Every device is signed out.")
            return HttpResponseRedirect(reverse("sign-in"))
    except LinkDead:
        return render(request, "pages/people/dead_link.html", {"again": reverse("reset")}, status=404)
    return render(request, "pages/people/new_password.html", {"form": form}, status=400 if form.is_bound else 200)
