"""ETags, and 304 to a client that has the current one."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from core.api import Endpoint
from core.errors import NotFound
from core.freshness import conditional, etag_of, matches

ETAG = etag_of(b"{}")


class Weather(Endpoint):
    """GET: the body that a test sets."""

    public, etag = True, True
    authentication_classes = []
    body: dict[str, Any] = {"rain": False}

    def get(self, request: Any) -> Any:
        if not self.body:
            raise NotFound
        return Response(self.body)

    def post(self, request: Any) -> Any:
        return Response(self.body)


class Plain(Weather):
    etag = False


def ask(endpoint: type[Endpoint], method: str = "get", **headers: str) -> Any:
    factory = APIRequestFactory()
    call = factory.get if method == "get" else factory.post
    answer = endpoint.as_view()(call("/", headers=headers))
    return answer.render() if hasattr(answer, "render") else answer


def test_an_endpoint_with_an_etag_answers_304_without_a_body_while_nothing_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = ask(Weather)

    again = ask(Weather, **{"If-None-Match": first.headers["ETag"]})
    monkeypatch.setattr(Weather, "body", {"rain": True})
    changed = ask(Weather, **{"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert (first.content, again.content, changed.content) == (b'{"rain":false}', b"", b'{"rain":true}')
    assert again.headers["ETag"] == first.headers["ETag"] != changed.headers["ETag"]
    assert "Content-Type" not in again.headers
    for answer in (first, again, changed):
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Vary"] == "Authorization, Cookie"


def test_refusals_commands_and_other_endpoints_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"If-None-Match": "*"}

    answers = [ask(Weather, "post", **known), ask(Plain, **known)]
    monkeypatch.setattr(Weather, "body", {})
    answers.append(ask(Weather, **known))

    assert [each.status_code for each in answers] == [200, 200, 404]
    for answer in answers:
        assert "ETag" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since", "If-Modified-Since"])
def test_other_conditions_are_ignored(name: str) -> None:
    assert ask(Weather, **{name: '"something-else"'}).status_code == 200


@pytest.mark.parametrize(
    ("named", "same"),
    [
        (ETAG, True),
        (f"W/{ETAG}", True),
        ("*", True),
        (" * ", True),
        (f'"other", W/"more", {ETAG}', True),
        (f'"other",W/{ETAG}', True),
        ("", False),
        ('"other"', False),
        (ETAG.strip('"'), False),
        (f'{ETAG[:-1]}x"', False),
        ('*, "other"', False),
        ("garbage, ;;;", False),
        (ETAG.upper(), False),
    ],
)
def test_what_if_none_match_names(named: str, same: bool) -> None:
    assert matches(named, ETAG) is same
    answer = conditional(RequestFactory().get("/", headers={"If-None-Match": named}), HttpResponse(b"{}"), cache="x")
    assert answer.status_code == (304 if same else 200)


def test_equal_bytes_have_equal_names() -> None:
    assert etag_of(b"{}") == ETAG != etag_of(b"{ }")
    assert ETAG.startswith('"')
