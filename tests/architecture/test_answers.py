"""Every endpoint really answers what the API's description says: bodies, headers, statuses and codes of errors."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from jsonschema import Draft202012Validator, FormatChecker

from accounts.models import Role, User
from core.schema import HEADERS
from tests import world
from tests.architecture.asking import ApiRequest, World
from tests.architecture.document import Operation, document_of, operations, resolved
from tests.architecture.requests import REQUESTS, brief

pytestmark = pytest.mark.django_db(transaction=True)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
FORMATS = FormatChecker(["uuid"])
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or TIME.fullmatch(value) is not None)


@pytest.fixture(scope="module")
def document() -> Any:
    return document_of()


def by_name(document: Any) -> dict[str, Operation]:
    return {each.name: each for each in operations(document)}


def faults(document: Any, operation: Operation, answer: HttpResponse) -> list[str]:
    """What the answer has and the description has not, or the other way round."""
    status = str(answer.status_code)
    if status not in operation.facts["responses"]:
        return [f"{status} is not described: {answer.content.decode()}"]
    described = operation.response(document, status)
    found = list(header_faults(document, described["headers"], answer))
    if "content" not in described:
        return [*found, *(["a body"] if answer.content else [])]
    (content,) = described["content"].values()
    schema = content["schema"] | {"components": document["components"]}
    body = json.loads(answer.content)
    found += [
        f"{each.json_path}: {each.message}"
        for each in Draft202012Validator(schema, format_checker=FORMATS).iter_errors(body)
    ]
    if answer.status_code >= 400 and body["error"]["code"] not in content["examples"]:
        found.append(f"{body['error']['code']} is not described")
    return found


def header_faults(document: Any, described: Any, answer: HttpResponse) -> Iterator[str]:
    for name in HEADERS:
        if name in answer.headers:
            if name not in described:
                yield f"{name} is not described"
        elif name in described and resolved(document, described[name])["required"]:
            yield f"{name} is missing"


def test_every_documented_success_has_a_request(document: Any) -> None:
    documented = {f"{each.name} {status}" for each in operations(document) for status in each.facts["responses"]}

    assert {each for each in documented if each.split()[2] < "300"} == set(REQUESTS)


def test_every_endpoint_answers_what_is_described(document: Any, settings: Any, subtests: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    people, described = World(), by_name(document)

    for name, request in [*REQUESTS.items(), ("GET /queue/items/{item_id} 200", brief)]:
        with subtests.test(name):
            method, path, status = name.split()
            prepared, operation = request(people), described[f"{method} {path}"]
            answer = prepared.send(method, path)
            assert str(answer.status_code) == status, answer.content
            assert faults(document, operation, answer) == []
            if "304" in operation.facts["responses"]:
                again = prepared.adding({"If-None-Match": answer.headers["ETag"]}).send(method, path)
                assert again.status_code == 304
                assert faults(document, operation, again) == []


def test_a_repeated_command_says_that_it_is_one(document: Any, settings: Any, subtests: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    people, described = World(), by_name(document)

    for name, request in REQUESTS.items():
        method, path, status = name.split()
        operation = described[f"{method} {path}"]
        if "Idempotent-Replayed" in operation.response(document, status)["headers"]:
            with subtests.test(name):
                sent = request(people)
                prepared = sent.adding(world.key() | sent.headers)
                first, again = (prepared.send(method, path) for _ in range(2))
                assert again.content == first.content
                assert again.headers["Idempotent-Replayed"] == "true"
                assert faults(document, operation, again) == []


def refusals(sent: ApiRequest, others: list[User], method: str) -> Iterator[tuple[str, ApiRequest, int]]:
    """Requests that are refused, with what is wrong and the status expected; 0 where it depends on the endpoint."""
    yield "nobody signed in", sent.by(None), 0
    yield "wrong Accept", sent.adding({"Accept": "text/html"}), 406
    if sent.actor is not None:
        for other in others:
            yield f"as {other.role}", sent.by(other), 0
        yield "an unknown id", sent.naming("nobody"), 0
    if method != "GET":
        yield "an unknown member", sent.with_body({**sent.body, "unknown": 1}), 0
        yield "no object", sent.with_body([1]), 0
        yield "another key", sent.adding({"Idempotency-Key": "!"}), 0
        yield "another type", sent.adding({"Content-Type": "text/plain"}), 0


def test_every_refusal_is_described(document: Any, settings: Any, subtests: Any) -> None:
    """Whatever is wrong with a request, its answer has a status, a code and headers that its operation names."""
    settings.SLOTS_MIN_INTERVAL_MS = 0
    people, described, met = World(), by_name(document), set()
    others = [world.person(role=role) for role in (Role.USER, Role.PERFORMER, Role.AUDITOR, Role.SERVICE)]

    for name, request in REQUESTS.items():
        method, path, _ = name.split()
        prepared = request(people)
        with subtests.test(name):
            for wrong, sent, expected in refusals(prepared, others, method):
                answer = sent.send(method, path)
                assert faults(document, described[f"{method} {path}"], answer) == [], wrong
                assert expected in (0, answer.status_code), wrong
                met.add(answer.status_code)
    assert {400, 401, 403, 404, 406, 415} <= met
