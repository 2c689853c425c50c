"""The admin site, its sign-in form and its Content-Security-Policy."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, update_wrapper
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import structlog
from django import forms
from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.forms import AuthenticationForm as PlainAuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS, BadRequest, ValidationError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, resolve, reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import services, sessions
from accounts.backoffice.lists import filters_checked
from accounts.backoffice.permissions import RolePermissions
from accounts.backoffice.roles import has_role, may_enter
from accounts.errors import CodeRequired, EmailNotConfirmed
from accounts.models import User
from core.envelope import STATUS
from core.errors import Throttled, Unauthenticated

if TYPE_CHECKING:  # django-unfold has no types; its classes are checked as Django's
    from django.contrib.admin import AdminSite
    from django.contrib.admin.forms import AdminAuthenticationForm
else:
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm
    from unfold.sites import UnfoldAdminSite as AdminSite

log = structlog.get_logger()
CODE_REQUIRED = "code_required"
MAX_NAME_LETTERS = User._meta.get_field("username").max_length or 0
# Alpine builds functions from strings, and the theme writes one <style> element; only /admin/ may do so.
POLICY = {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
}


def policy(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Replace the Content-Security-Policy of responses under the admin's address by ``POLICY`` (middleware)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path_info.startswith(_index()):
            response._csp_replace = POLICY  # type: ignore[attr-defined]  # where csp.middleware looks
        return response

    return middleware


@cache
def _index() -> str:
    return reverse("admin:index")


class SignInForm(AdminAuthenticationForm):
    """Check the credentials with every backend (lock-out included), then the role."""

    error_messages = {
        **PlainAuthenticationForm.error_messages,
        "invalid_login": "Enter the name and password of a staff or performer account. Both are case-sensitive.",
    }

    def clean_username(self) -> str:
        """Refuse a name that no account can have; the lock-out could not store it."""
        name: str = self.cleaned_data["username"]
        if len(name) > MAX_NAME_LETTERS or not name.isprintable():
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")
        return name

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse other roles and an unconfirmed address; with a second factor, the code comes next."""
        PlainAuthenticationForm.confirm_login_allowed(self, user)  # not the parent's, which requires is_staff
        if not has_role(user):
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")
        if services.is_unconfirmed(user):
            raise ValidationError(EmailNotConfirmed.message, code="unconfirmed")
        try:
            services.await_code(cast(HttpRequest, self.request), user)
        except CodeRequired as refusal:
            raise ValidationError(refusal.text, code=CODE_REQUIRED) from refusal
        log.info("signed_in", user=str(user.pk))


class CodeForm(forms.Form):
    """The second step of signing in: a code of the authenticator, or a recovery code."""

    code = forms.CharField(
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": True}),
        help_text="The code that your authenticator shows now, or one of your recovery codes.",
    )


class BackOffice(AdminSite):
    """The one admin site. It registers only classes that grant permissions by role."""

    login_form = SignInForm
    index_title = "Dashboard"

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to the index after signing in, unless `next` is another page of the back office."""
        index = reverse("admin:index")
        if services.must_change_password(request.user):
            return HttpResponseRedirect(f"{reverse(settings.CHANGE_URL)}?{urlencode({'next': index})}")
        response = super().login(request, extra_context)
        if _needs_code(response):
            following = request.POST.get("next", request.GET.get("next", ""))
            return HttpResponseRedirect(f"{reverse('admin:login-code')}?{urlencode({'next': following})}")
        if isinstance(response, HttpResponseRedirect):
            if request.method == "POST" and isinstance(request.user, User):
                sessions.begin_session(request, request.user)
            if not _is_page_of(index, response.url):
                return HttpResponseRedirect(index)
        return response

    def get_urls(self) -> list[Any]:
        return [path("login/code/", self.login_code, name="login-code"), *super().get_urls()]

    def login_code(self, request: HttpRequest) -> HttpResponse:
        """Finish a sign-in by the code of the second factor (the second step of the form)."""
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        form = CodeForm(request.POST or None)
        following = request.POST.get("next", request.GET.get("next", ""))
        if not services.awaits_code(request):
            return HttpResponseRedirect(reverse("admin:login"))
        status = 200
        if form.is_valid():
            try:
                services.confirm_sign_in(request, code=form.cleaned_data["code"])
            except (Throttled, Unauthenticated) as refusal:
                form.add_error("code", refusal.text)
                status = STATUS[refusal.kind]
            else:
                index = reverse("admin:index")
                return HttpResponseRedirect(following if _is_page_of(index, following) else index)
        context = {**self.each_context(request), "title": "Second factor", "form": form, "next": following}
        return render(request, "admin/login_code.html", context, status=status)

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        """Redirect a read whose address lacks only its last slash; answer anything else 404.

        `APPEND_SLASH` is off: nothing outside of the back office redirects.
        """
        is_read = request.method in ("GET", "HEAD")
        if is_read and not url.endswith("/") and resolve(f"{request.path_info}/").url_name:  # this view has no name
            return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
        raise Http404

    def register(self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any) -> None:
        """Register a ``RoleAdmin``; ignore any other class, which packages bring along."""
        if admin_class is not None and issubclass(admin_class, RolePermissions):
            super().register(model_or_iterable, admin_class, **options)  # type: ignore[arg-type]  # RoleAdmin is both

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Let in whom `has_permission` admits. Parameters that no query can be made of are a 400.

        Lists redirect before that, to themselves without parameters, as Django has it.
        """

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            reads = request.method in ("GET", "HEAD")  # what fails in a command is a defect
            try:
                with filters_checked(request) if reads else nullcontext():
                    services.note_seen(request)
                    return view(request, *args, **kwargs)
            except IncorrectLookupParameters as error:
                raise BadRequest from error

        return super().admin_view(update_wrapper(checked, view), cacheable)


def _needs_code(response: HttpResponse) -> bool:
    """Return whether the sign-in form was refused for want of a code alone."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    return form is not None and form.is_bound and form.has_error(NON_FIELD_ERRORS, CODE_REQUIRED)


def _is_page_of(index: str, address: str) -> bool:
    return address.startswith(index) and not address.startswith(reverse("admin:logout"))
