"""The API's description: valid OpenAPI 3, and complete. tests/architecture compares it with real answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from core.api import Endpoint
from tests.addresses import addresses


@pytest.fixture(scope="module")
def document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def endpoints() -> Iterator[tuple[str, type[Endpoint]]]:
    """Every endpoint, with its path as the description writes it."""
    for path, pattern in addresses():
        endpoint = getattr(pattern.callback, "cls", None)
        if isinstance(endpoint, type) and issubclass(endpoint, Endpoint):
            yield "/" + path.replace("<id:", "{").replace(">", "}"), endpoint


def test_it_is_valid_openapi(document: Any) -> None:
    validate_schema(document)


def test_it_lists_every_endpoint_with_its_body_and_its_key(document: Any) -> None:
    described = {(method, path): operation for method, path, operation in operations(document)}

    for path, endpoint in endpoints():
        for method in (name for name in ("get", "post", "put", "patch", "delete") if hasattr(endpoint, name)):
            operation = described.pop((method, path))
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert ("Idempotency-Key" in names) == bool(method != "get" and endpoint.operation), path
            assert ("If-None-Match" in names) == (method == "get" and endpoint.etag), path
            has_body = method not in ("get", "delete")  # OpenAPI 3.0 gives the body of a DELETE no meaning
            assert ("requestBody" in operation) == bool(has_body and endpoint.Input().fields), path
    assert described == {}


def test_every_operation_says_what_it_answers_and_who_may_call(document: Any) -> None:
    for method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert answer.get("content"), (method, path, status)
        assert "default" in operation["responses"]
        assert ("security" in operation) == ("/auth/" not in path and path != "/api/v1/payments/webhook")
