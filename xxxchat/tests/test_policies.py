"""The policy of responses is what django-csp would send."""

from collections.abc import Callable

import pytest
from csp import decorators
from csp.constants import HEADER
from csp.exceptions import CSPNonceError
from csp.middleware import CSPMiddleware
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from xxxchat.policies import PolicyMiddleware

EXTRA = {"script-src": ["'unsafe-inline'"]}
VIEWS: list[Callable[[HttpRequest], HttpResponse]] = [
    lambda _: HttpResponse(),
    decorators.csp_update(EXTRA)(lambda _: HttpResponse()),
    decorators.csp_replace(EXTRA)(lambda _: HttpResponse()),
    decorators.csp(EXTRA)(lambda _: HttpResponse()),
    decorators.csp_exempt()(lambda _: HttpResponse()),
    lambda _: HttpResponse(headers={HEADER: "default-src 'self'"}),
    lambda request: HttpResponse(str(request.csp_nonce)),  # type: ignore[attr-defined]
]


def sent(middleware: type[CSPMiddleware], view: Callable[[HttpRequest], HttpResponse]) -> set[str] | None:
    policy = middleware(view)(RequestFactory().get("/")).headers.get(HEADER)
    return None if policy is None else set(policy.split("; "))


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_the_policy_is_the_librarys(number: int) -> None:
    assert sent(PolicyMiddleware, VIEWS[number]) == sent(CSPMiddleware, VIEWS[number])


def test_a_nonce_cannot_be_asked_for_after_the_header_is_written() -> None:
    request = RequestFactory().get("/")

    PolicyMiddleware(VIEWS[0])(request)

    with pytest.raises(CSPNonceError):
        str(request.csp_nonce)  # type: ignore[attr-defined]


def test_a_policy_that_is_only_reported_is_refused_at_the_start(settings: object) -> None:
    settings.CONTENT_SECURITY_POLICY_REPORT_ONLY = {"DIRECTIVES": {}}  # type: ignore[attr-defined]

    with pytest.raises(ImproperlyConfigured):
        PolicyMiddleware(VIEWS[0])
