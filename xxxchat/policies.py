"""The Content-Security-Policy of responses: django-csp's middleware, which builds it anew for each."""

from typing import Any

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

OF_ITS_OWN = frozenset(
    f"_csp_{name}{suffix}" for name in ("config", "update", "replace", "exempt") for suffix in ("", "_ro")
)
"""What a view or decorator sets on a response that has a policy of its own."""
NO_NONCE = CheckableLazyObject(CSPMiddleware._csp_nonce_post_response)


class PolicyMiddleware(CSPMiddleware):  # type: ignore[misc]  # untyped
    """The library's middleware; the policy of responses that have none of their own is built once."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._usual = build_policy()
        if getattr(settings, "CONTENT_SECURITY_POLICY_REPORT_ONLY", None):
            raise ImproperlyConfigured("This middleware sends no policy that is only reported.")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if getattr(request, "_csp_nonce", None) is not None or not OF_ITS_OWN.isdisjoint(response.__dict__):
            answered: HttpResponseBase = super().process_response(request, response)
            return answered
        response.headers.setdefault(HEADER, self._usual)
        request.csp_nonce = NO_NONCE  # type: ignore[attr-defined]  # as the library has it
        return response
