"""The admin site, its sign-in form and its Content-Security-Policy."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.forms import AuthenticationForm as PlainAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.backoffice.permissions import RolePermissions
from accounts.backoffice.roles import may_enter

if TYPE_CHECKING:  # django-unfold has no types; its classes are checked as Django's
    from django.contrib.admin import AdminSite
    from django.contrib.admin.forms import AdminAuthenticationForm
else:
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm
    from unfold.sites import UnfoldAdminSite as AdminSite

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
        if request.path_info.startswith(reverse("admin:index")):
            response._csp_replace = POLICY  # type: ignore[attr-defined]  # where csp.middleware looks
        return response

    return middleware


class SignInForm(AdminAuthenticationForm):
    """Check the credentials with every backend (lock-out included), then the role."""

    error_messages = {
        **PlainAuthenticationForm.error_messages,
        "invalid_login": "Enter the name and password of a staff or performer account. Both are case-sensitive.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        PlainAuthenticationForm.confirm_login_allowed(self, user)  # not the parent's, which requires is_staff
        if not may_enter(user):
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class BackOffice(AdminSite):
    """The one admin site. It registers only classes that grant permissions by role."""

    login_form = SignInForm

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def register(self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any) -> None:
        """Register a ``RoleAdmin``; ignore any other class, which packages bring along."""
        if admin_class is not None and issubclass(admin_class, RolePermissions):
            super().register(model_or_iterable, admin_class, **options)  # type: ignore[arg-type]  # RoleAdmin is both

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not request.GET.get("page", "1").isdecimal():  # the theme fails on it
            raise Http404
        response: HttpResponse = super().search(request, extra_context)  # type: ignore[misc]
        return response
