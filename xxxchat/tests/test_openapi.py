"""The API's description: valid OpenAPI 3, complete, and equal to what the endpoints really answer."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from accounts.models import User
from core.api import Endpoint
from menus.tests.offering import item_in, menu_of
from tests.world import buy, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1"
PASSWORD = "words-that-nobody-guesses"
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


@pytest.fixture(scope="module")
def document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def endpoints() -> Iterator[tuple[str, type[Endpoint]]]:
    """Every endpoint that an address leads to, with its pattern."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, type[Endpoint]]]:
        for each in patterns:
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, prefix + str(each.pattern))
            elif isinstance(each, URLPattern):
                endpoint = getattr(each.callback, "cls", None)
                if isinstance(endpoint, type) and issubclass(endpoint, Endpoint):
                    yield prefix + str(each.pattern), endpoint

    yield from walk(get_resolver().url_patterns, "/")


def test_it_is_valid_openapi(document: Any) -> None:
    validate_schema(document)


def test_it_lists_every_endpoint_with_its_body_and_its_key(document: Any) -> None:
    described = {(method, path): operation for method, path, operation in operations(document)}

    for pattern, endpoint in endpoints():
        path = pattern.replace("<id:", "{").replace(">", "}")
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


class Described:
    """Compares answers with their description: every member named, none besides, each of its type."""

    def __init__(self, document: Any) -> None:
        self.document = document

    def differences(self, value: Any, schema: Any, place: str = "$") -> list[str]:
        if "$ref" in schema:
            return self.differences(value, self.document["components"]["schemas"][schema["$ref"].split("/")[-1]], place)
        if value is None:
            return [] if schema.get("nullable") else [f"{place} is null"]
        if "oneOf" in schema:
            found = [self.differences(value, each, place) for each in schema["oneOf"]]
            return [] if [] in found else found[0]
        if "allOf" in schema:
            return [line for each in schema["allOf"] for line in self.differences(value, each, place)]
        if type(value) is not TYPES[schema["type"]]:
            return [f"{place} is {value!r}, not {schema['type']}"]
        return self._inside(value, schema, place)

    def _inside(self, value: Any, schema: Any, place: str) -> list[str]:
        if "enum" in schema and value not in schema["enum"]:
            return [f"{place} is {value!r}, none of {schema['enum']}"]
        if isinstance(value, list):
            return [line for each in value for line in self.differences(each, schema["items"], f"{place}[]")]
        if isinstance(value, dict) and "properties" in schema:
            if set(value) != set(schema["properties"]):
                return [f"{place} has {sorted(value)}, not {sorted(schema['properties'])}"]
            inner = schema["properties"]
            return [line for name in value for line in self.differences(value[name], inner[name], f"{place}.{name}")]
        return []

    def check(self, method: str, path: str, answer: HttpResponse) -> None:
        operation = self.document["paths"][BASE + path][method]
        status = str(answer.status_code)
        described = operation["responses"].get(status, operation["responses"]["default"])
        (content,) = described["content"].values()
        assert answer.status_code >= 400 or status in operation["responses"], (path, status)
        assert self.differences(answer.json(), content["schema"]) == [], path  # type: ignore[attr-defined]


@pytest.fixture
def described(document: Any) -> Described:
    return Described(document)


@pytest.fixture
def ruby() -> User:
    return performer("ruby")


@pytest.fixture
def alice() -> User:
    return person("alice", tokens=1_000, points=1_000)


def asked(client: APIClient, method: str, path: str, where: dict[str, UUID], **body: Any) -> HttpResponse:
    address = BASE + path.format(**where)
    if method == "get":
        return client.get(address)
    return client.post(address, body, format="json", headers=key())


def test_the_endpoints_that_read(described: Described, alice: User, ruby: User) -> None:
    menu = menu_of(ruby)
    item_in(menu)
    on_stage, waiting = buy(alice, ruby), buy(alice, ruby)
    asked(client_of(ruby), "post", "/queue/items/{item_id}/start", {"item_id": on_stage.pk})
    asked(client_of(alice), "post", "/slot-machine/spin", {}, betAmount=100)
    ids = {"performer_id": ruby.pk, "item_id": waiting.pk}

    for viewer, path in (
        (alice, "/me"),
        (alice, "/wallet"),
        (alice, "/wallet/holds"),
        (alice, "/wallet/transfers"),
        (alice, "/queue/items"),
        (alice, "/queue/items/{item_id}"),
        (person(), "/queue/items/{item_id}"),
        (staff(), "/admin/queue/items"),
        (None, "/menus"),
        (None, "/performer"),
        (None, "/performer/{performer_id}"),
        (None, "/performer/{performer_id}/menus"),
        (alice, "/performer/{performer_id}/queue"),
        (alice, "/slot-machine/history"),
        (None, "/me"),
    ):
        described.check("get", path, asked(client_of(viewer), "get", path, ids))


def test_the_endpoints_that_act(described: Described, alice: User, ruby: User) -> None:
    offer = item_in(menu_of(ruby))
    finished, left, declined = (buy(alice, ruby) for _ in range(3))
    support, line = staff(), {"performer_id": ruby.pk}

    def act(actor: User, path: str, where: dict[str, UUID], **body: Any) -> Any:
        answer = asked(client_of(actor), "post", path, where, **body)
        described.check("post", path, answer)
        return answer.json()  # type: ignore[attr-defined]

    for command in ("pause", "resume", "open"):
        assert "items" in act(ruby, f"/performer/{{performer_id}}/queue/{command}", line)
    act(ruby, "/queue/items/{item_id}/start", {"item_id": finished.pk})
    split = act(ruby, "/queue/items/{item_id}/finish", {"item_id": finished.pk}, settleTokens=61, reason="short")
    assert (split["settledTokens"], split["refundedTokens"]) == (61, 39)
    assert act(alice, "/queue/items/{item_id}/leave", {"item_id": left.pk})["state"] == "refunded"
    assert act(ruby, "/queue/items/{item_id}/refund", {"item_id": declined.pk})["state"] == "refunded"
    bought = act(alice, "/menus/items/{item_id}/purchase", {"item_id": offer.pk}, expectedPrice=40)
    ids = {"item_id": UUID(bought["queueItem"]["id"])}
    refusal = act(support, "/admin/queue/items/{item_id}/resolve", ids, reason="no")
    assert refusal["error"]["code"] == "INVALID_TRANSITION"
    act(ruby, "/queue/items/{item_id}/start", ids)
    assert act(ruby, "/queue/items/{item_id}/abandon", ids)["state"] == "refunded"
    refunded = {"item_id": buy(alice, ruby).pk}
    assert act(support, "/admin/queue/items/{item_id}/refund", refunded, reason="no")["state"] == "refunded"
    told = act(support, "/admin/queue/refunds", {}, ids=[str(refunded["item_id"])], reason="no", dryRun=True)
    assert told["totals"] == {"items": 1, "refunded": 0, "tokens": 0}
    assert act(ruby, "/performer/{performer_id}/queue/close", line)["open"] is False
    assert act(alice, "/slot-machine/spin", {}, betAmount=100)["nonce"] == 0


def test_the_endpoints_of_signing_in(described: Described, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    client = client_of(None)

    signed_in = asked(client, "post", "/auth/token", {}, username="alice", password=PASSWORD)
    described.check("post", "/auth/token", signed_in)
    refresh = signed_in.json()["refresh"]  # type: ignore[attr-defined]
    renewed = asked(client, "post", "/auth/token/refresh", {}, refresh=refresh)
    described.check("post", "/auth/token/refresh", renewed)
    refresh = renewed.json()["refresh"]  # type: ignore[attr-defined]
    described.check("post", "/auth/token/revoke", asked(client, "post", "/auth/token/revoke", {}, refresh=refresh))
