"""Compares refusals of the API, wherever a test meets them, with what their endpoint declares."""

from collections.abc import Callable
from typing import Any

from core.api import Endpoint
from core.declared import codes_of
from core.shapes import METHODS

undeclared: list[str] = []
"""What endpoints answered in this test and do not declare."""


def watched(finished: Callable[..., Any]) -> Callable[..., Any]:
    """`Endpoint._finished`, which also notes a refusal that the endpoint does not declare."""

    def noting(endpoint: Endpoint, request: Any, response: Any) -> Any:
        cls: Any = type(endpoint)
        method = str(request.method)
        answered = method in METHODS and hasattr(cls, method.lower()) and ".tests." not in cls.__module__
        if answered and response.status_code >= 400:
            code = response.data["error"]["code"]
            if code not in codes_of(cls, method, has_id=bool(endpoint.kwargs)).get(response.status_code, ()):
                undeclared.append(f"{cls.__name__} {method}: {response.status_code} {code}")
        return finished(endpoint, request, response)

    return noting
