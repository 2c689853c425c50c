"""Requests that schemathesis generates from the description, valid and invalid ones, against the application itself.

No answer is a 5xx but the ones that say why, every status, header, body and code is described, and what the description
forbids is refused. The seed is fixed; CONTRACT_EXAMPLES sends more of them.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks as builtin
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi

from accounts import tokens
from tests.architecture.asking import World
from tests.architecture.document import document_of, resolved
from tests.architecture.requests import REQUESTS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(3_600)]
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "5"))
CHECKS = [
    builtin.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
]
GENERATED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _one_connection(settings: Any) -> Iterator[None]:
    """Keep the test's connection open between requests, and let spins follow each other at once."""
    settings.SLOTS_MIN_INTERVAL_MS = 0
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def document() -> Any:
    return document_of()


def test_generated_requests_get_the_answers_that_are_described(document: Any, subtests: Any) -> None:
    described = schemathesis.openapi.from_dict(document, config=SchemathesisConfig())
    described.app = WSGIHandler()
    people, counted = World(), Counter[str]()
    prepared = {name: request(people) for name, request in REQUESTS.items()}  # before anything is spent

    for name, sent in prepared.items():
        method, path, _ = name.split()
        headers = {} if sent.actor is None else {"Authorization": f"Bearer {tokens.issue(sent.actor).access}"}
        ids = {member: str(row) for member, row in sent.ids.items() if f"{{{member}}}" in path}
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            with subtests.test(f"{name}, {mode.value}"):
                send(document, described[path][method], mode, ids, headers, counted)
    print(json.dumps({"answers": sum(counted.values()), "by status": dict(sorted(counted.items()))}))


def send(document: Any, operation: Any, mode: GenerationMode, ids: Any, headers: Any, counted: Counter[str]) -> None:
    """Send the requests of one operation: to a row that its caller may use, with a body and query as generated."""
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids or None)

    @GENERATED
    @given(case=strategy)
    def sent(case: Any) -> None:
        case.headers = {**(case.headers or {}), **headers}
        answer = case.call()
        counted[str(answer.status_code)] += 1
        case.validate_response(answer, checks=CHECKS)
        assert_code_described(document, operation, answer)

    try:
        sent()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing valid can be sent"  # without parameters nothing is invalid


def assert_code_described(document: Any, operation: Any, answer: Any) -> None:
    if answer.status_code >= 400:
        described = resolved(document, operation.definition.raw["responses"][str(answer.status_code)])
        assert answer.json()["error"]["code"] in described["content"]["application/json"]["examples"]
