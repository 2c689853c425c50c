"""Every endpoint really answers what the API's description says: each member, none besides, each of its type."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from jsonschema import Draft202012Validator, FormatChecker

from tests.architecture.requests import BASE, REQUESTS, ApiRequest, World, brief

pytestmark = pytest.mark.django_db(transaction=True)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
FORMATS = FormatChecker(["uuid"])
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or TIME.fullmatch(value) is not None)


def strict(schema: Any) -> Any:
    """The same schema where an object has all of its properties and no other."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: strict(each) for name, each in schema.items()}
    if "properties" in schema:
        inside |= {"required": list(schema["properties"]), "additionalProperties": False}
    return inside


@pytest.fixture(scope="module")
def document() -> Any:
    """OpenAPI 3.1, whose schemas are JSON Schema."""
    with patched_settings({"OAS_VERSION": "3.1.0"}):
        return strict(json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str)))


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path.removeprefix(BASE)}", operation


def faults(document: Any, name: str, status: str, answer: HttpResponse) -> list[str]:
    (content,) = dict(operations(document))[name]["responses"][status]["content"].values()
    schema = content["schema"] | {"components": document["components"]}
    found = Draft202012Validator(schema, format_checker=FORMATS).iter_errors(json.loads(answer.content))
    return [f"{each.json_path}: {each.message}" for each in found]


def test_every_documented_success_has_a_request(document: Any) -> None:
    documented = {f"{name} {status}" for name, operation in operations(document) for status in operation["responses"]}

    assert {each for each in documented if not each.endswith(" default")} == set(REQUESTS)


def test_every_endpoint_answers_what_is_described(document: Any, settings: Any, subtests: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    world = World()

    for name, request in [*REQUESTS.items(), ("GET /queue/items/{item_id} 200", brief)]:
        with subtests.test(name):
            method, path, status = name.split()
            answer = request(world).send(method, path)
            assert str(answer.status_code) == status, answer.content
            assert faults(document, f"{method} {path}", status, answer) == []


def test_every_refusal_is_the_one_envelope(document: Any, subtests: Any) -> None:
    for name, _ in operations(document):
        with subtests.test(name):
            method, path = name.split()
            request = ApiRequest(None, headers={"Accept": "text/html"})
            refused = request.send(method, re.sub(r"\{\w+\}", "nobody", path))
            assert refused.status_code in (401, 406)
            assert faults(document, name, "default", refused) == []
