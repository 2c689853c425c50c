"""The API's description: valid OpenAPI, complete, made once. tests/architecture compares it with real answers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from core.api import Endpoint
from core.declared import by_code
from core.shapes import by_method
from tests.addresses import addresses
from tests.architecture.document import BASE, document_of, operations, resolved
from xxxchat import docs

FOREIGN = ("disputeId", "eventId", "memberId", "orderId", "sourceEventId")
"""Ids that other systems give."""


@pytest.fixture(scope="module")
def document() -> Any:
    return document_of()


def endpoints() -> Iterator[tuple[str, type[Endpoint]]]:
    """Every endpoint, with its path as the description writes it."""
    for path, pattern in addresses():
        endpoint = getattr(pattern.callback, "cls", None)
        if isinstance(endpoint, type) and issubclass(endpoint, Endpoint):
            yield re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{path}").removeprefix(BASE), endpoint


def test_it_is_valid_openapi(document: Any) -> None:
    validate_schema(document)


def test_it_lists_every_endpoint_with_its_body_and_its_key(document: Any) -> None:
    described = {(each.method, each.path): each.facts for each in operations(document)}

    for path, endpoint in endpoints():
        for method in (name for name in ("GET", "POST", "PUT", "PATCH", "DELETE") if hasattr(endpoint, name.lower())):
            operation = described.pop((method, path))
            parameters = {each["name"]: each for each in operation.get("parameters", [])}
            assert ("Idempotency-Key" in parameters) == bool(method != "GET" and endpoint.operation), path
            assert ("If-None-Match" in parameters) == (method == "GET" and endpoint.etag), path
            has_body = method not in ("GET", "DELETE")  # OpenAPI gives the body of a DELETE no meaning
            assert ("requestBody" in operation) == bool(has_body and by_method(endpoint.Input, method)().fields), path
    assert described == {}


def test_every_operation_says_what_it_answers_and_who_may_call(document: Any) -> None:
    tags = {each["name"] for each in document["tags"]}

    for each in operations(document):
        assert "default" not in each.facts["responses"]
        assert (each.facts["security"] == []) == (each.path.startswith("/auth/") or each.path.endswith("/webhook"))
        assert each.facts["summary"]
        assert each.facts["description"]
        assert set(each.facts["tags"]) <= tags
        for status in each.facts["responses"]:
            answer = each.response(document, status)
            assert answer["headers"]["X-Request-Id"]
            assert ("content" in answer) == (status != "304"), (each.name, status)
    assert len({each.facts["operationId"] for each in operations(document)}) == len(list(operations(document)))


def test_ids_times_and_choices_have_their_types(document: Any) -> None:
    """No id without a format, no list of words in a text: a generator makes types of them."""
    for name, schema in document["components"]["schemas"].items():
        for member, described in schema.get("properties", {}).items():
            words = json.dumps(described)
            if (member == "id" or member.endswith("Id")) and member not in FOREIGN:
                assert '"format": "uuid"' in words or "pattern" in words, (name, member)
            if member in ("at", "timestamp") or member.endswith(("At", "edAt")):
                assert '"format": "date-time"' in words, (name, member)
            if member in ("state", "status", "type", "role", "currency", "fulfilment", "operation", "outcome"):
                assert "$ref" in words or name == "Price", (name, member)


def test_objects_are_closed_but_for_events_of_others(document: Any) -> None:
    schemas = document["components"]["schemas"]
    open_ones = {name for name, each in schemas.items() if "properties" in each and "additionalProperties" not in each}

    assert open_ones == {"LoyaltyEvent", "PaymentEvent"}
    assert schemas["MenuItem"]["properties"]["children"]["items"] == {"$ref": "#/components/schemas/MenuItem"}


def test_codes_of_errors_are_the_closed_list(document: Any) -> None:
    assert document["components"]["schemas"]["ErrorCode"]["enum"] == list(by_code())


def test_a_block_is_taken_off_by_a_parameter(document: Any) -> None:
    taken_off = document["paths"]["/performer/{performer_id}/blocks"]["delete"]

    assert "requestBody" not in taken_off
    (user,) = [each for each in taken_off["parameters"] if each["in"] == "query"]
    assert (user["name"], user["required"], user["schema"]) == ("userId", True, {"type": "string", "format": "uuid"})


def test_examples_are_what_their_schemas_admit(document: Any) -> None:
    examples = list(examples_of(document))

    assert len(examples) > 150
    for where, schema, example in examples:
        faults = Draft202012Validator(schema | {"components": document["components"]}).iter_errors(example)
        assert [each.message for each in faults] == [], where


def examples_of(document: Any) -> Iterator[tuple[str, Any, Any]]:
    for each in operations(document):
        bodies: list[Any] = [each.facts.get("requestBody", {})]
        bodies += [each.response(document, status) for status in each.facts["responses"]]
        for content in (found for body in bodies for found in body.get("content", {}).values()):
            named = [resolved(document, example)["value"] for example in content.get("examples", {}).values()]
            for example in named or [content["example"]]:
                yield each.name, content["schema"], example


def test_it_is_the_same_each_time_it_is_made() -> None:
    again = SchemaGenerator().get_schema(request=None, public=True)

    assert json.dumps(again, ensure_ascii=False).encode() == docs.written("json")


def test_it_is_made_once_and_served_as_json_and_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    docs.written("json"), docs.written("yaml")
    monkeypatch.setattr(docs, "SchemaGenerator", None)  # whoever makes it again fails

    as_yaml, as_json = Client().get("/api/schema"), Client().get("/api/schema?format=json")
    by_accept = Client().get("/api/schema", headers={"Accept": "application/json"})

    assert as_yaml.headers["Content-Type"] == "application/vnd.oai.openapi"
    assert yaml.safe_load(as_yaml.content) == json.loads(as_json.content) == json.loads(by_accept.content)
    assert Client().get("/api/schema", headers={"If-None-Match": as_yaml.headers["ETag"]}).status_code == 304


def test_one_name_for_the_product(document: Any, settings: Any) -> None:
    assert document["info"]["title"] == "XXXChatNow interactive features"
    assert settings.SITE_NAME == "XXXChatNow"
