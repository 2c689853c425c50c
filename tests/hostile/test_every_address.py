"""Every address of the API, with every method, requested by a stranger."""

import re
from typing import Any

import pytest

from core.api import Endpoint
from core.ids import new_id
from tests.addresses import addresses
from tests.hostile.asking import code, nothing_written, send
from tests.hostile.rows import public, unkeyed
from tests.world import performer

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
PUBLIC = public()


def endpoints() -> list[tuple[str, Any]]:
    """Every path under /api/v1/ with its view; an id is written {id}."""
    return [
        (re.sub("<(?:id|region):[a-z_]+>", "{id}", path), pattern.callback) for path, pattern in addresses("api/v1/")
    ]


def test_every_address_is_an_endpoint() -> None:
    found = endpoints()

    assert len(found) > 25
    assert len({path for path, _ in found}) == len(found)
    assert [path for path, view in found if not issubclass(view.cls, Endpoint)] == []


def test_what_is_public_is_known() -> None:
    found = {
        (path, method)
        for path, view in endpoints()
        for method in METHODS
        if view.cls.public and hasattr(view.cls, method.lower())
    }

    assert found - {(path, "OPTIONS") for path, _ in found} == PUBLIC


def test_every_command_that_moves_money_is_keyed() -> None:
    found = {
        path
        for path, view in endpoints()
        if not view.cls.operation and any(hasattr(view.cls, method.lower()) for method in METHODS[1:5])
    }

    assert found == unkeyed()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [True, False], ids=["known ids", "unknown ids"])
def test_a_stranger_meets_the_envelope_everywhere(known: bool) -> None:
    ruby = performer()
    subject = str(ruby.pk if known else new_id())

    with nothing_written():
        for path, view in endpoints():
            for method in METHODS:
                answer = send(None, path.replace("{id}", subject), b"{}", method=method)
                request = f"{method} {path}"
                assert answer.headers["X-Request-Id"], request
                if not view.cls.public:
                    assert code(answer) == (401, "UNAUTHENTICATED"), request
                elif path.endswith("/webhook"):
                    assert code(answer) == (401, "SIGNATURE_INVALID"), request
                elif (path, method) not in PUBLIC:
                    assert code(answer) == (405, "METHOD_NOT_ALLOWED"), request
                    assert method not in answer.headers["Allow"].split(", "), request
                elif path.startswith("auth/"):
                    assert code(answer) == (400, "VALIDATION_FAILED"), request
                elif "{id}" in path and not known:
                    assert code(answer) == (404, "NOT_FOUND"), request
                else:
                    assert answer.status_code == 200, request


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "path",
    ["", "nothing", "queue", "queue/items/", "wallet/", "performer//queue", "%2e%2e/admin", "menus/items", "a" * 3_000],
)
def test_an_unknown_address_is_not_found_by_any_method(path: str) -> None:
    for method in METHODS[:5]:
        assert code(send(None, path, method=method)) == (404, "NOT_FOUND")
