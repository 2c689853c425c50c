"""An address of a page: never cached, refusals as pages, the password changed first."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import cache_control

from accounts.services import must_change_password, note_seen
from core import api as _converters  # noqa: F401  registers `id`
from core.db import translated
from core.envelope import error_page
from core.errors import DomainError, MethodNotAllowed

WITH_ANY_PASSWORD = ("password", "sign-out", "theme")


def page(route: str, view: Callable[..., HttpResponseBase], *, name: str) -> URLPattern:
    """An address whose answer is never cached: after signing out, the browser's back button shows nothing of it.

    A person whose password was set by somebody else is led to the page where it is changed.
    What a service refuses and the view does not show itself, and a method that the view does not take, is the page of
    its status.
    """

    @cache_control(private=True, no_store=True)
    @wraps(view)
    def answered(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            with translated():
                if name not in WITH_ANY_PASSWORD and must_change_password(request.user):
                    return HttpResponseRedirect(f"{reverse('password')}?{urlencode({'next': request.path})}")
                response = view(request, **kwargs)
                note_seen(request)
        except DomainError as error:
            return error_page(request, error)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        refused = error_page(request, MethodNotAllowed(method=str(request.method)[:20]))
        refused.headers["Allow"] = response.headers["Allow"]
        return refused

    return path(route, answered, name=name)
