"""Errors at addresses of pages are pages: what happened, what became of the tokens, what to do next."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.urls import reverse
from psycopg import errors as pg

from core.ids import new_id
from tests import world
from tests.addresses import addresses
from xxxchat.pages.tests.visiting import HTMX, html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
OPERATORS = ("metrics", "livez", "readyz")
SITE_FILES = ("favicon.ico", "robots.txt", ".well-known/")
NO_PAGES = ("api/", "live/", "admin/", "rooms/<id:performer_id>/feed", *OPERATORS, *SITE_FILES)
"""Addresses that programs ask, and those with errors of their own."""


def paths() -> list[str]:
    """Every address of the pages with ids that no row has."""
    found = [path for path, _ in addresses() if not path.startswith(NO_PAGES)]
    return sorted({"/" + _filled(path) for path in found})


def _filled(path: str) -> str:
    for part in ("<id:item_id>", "<id:performer_id>", "<id:spin_id>", "<str:command>"):
        path = path.replace(part, str(new_id()))
    return path


def is_page(answer: Any) -> bool:
    return str(answer.headers["Content-Type"]).startswith("text/html") and bool(re.search("<h1[ >]", html(answer)))


@pytest.mark.parametrize("role", [None, "user", "performer", "support"])
def test_every_error_at_every_page_is_a_page(role: str | None) -> None:
    client = visitor(world.performer() if role == "performer" else world.person(role=role) if role else None)
    client.handler.enforce_csrf_checks = False
    seen = set()

    for path in paths():
        for method in ("GET", "POST", "PUT", "BREW"):
            answer = client.generic(method, path)
            if answer.status_code >= 400 and answer.status_code != 401:
                seen.add(answer.status_code)
                assert is_page(answer), (method, path, answer.status_code)
                assert 'class="btn' in html(answer), (method, path)

    assert {404, 405} <= seen if role else {405} <= seen


def test_a_method_that_a_page_does_not_take_is_a_page_that_names_the_others() -> None:
    answer = visitor().get(reverse("theme"))

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "takes no such request" in html(answer)


def test_a_form_without_its_token_is_a_page() -> None:
    answer = visitor().post(reverse("sign-in"), {"username": "alice"})

    assert answer.status_code == 403
    assert "This form is too old" in html(answer)


def test_htmx_gets_the_text_alone() -> None:
    answer = visitor(world.person()).get(reverse("room-live", args=[new_id()]), headers=HTMX)

    assert (answer.status_code, answer.content) == (404, b"There is nothing here.")


@pytest.fixture
def lost_database() -> Iterator[None]:
    """Every statement fails as when the database is away."""

    def fail(*args: Any) -> None:
        raise OperationalError("away") from pg.AdminShutdown()

    with connections[DEFAULT_DB_ALIAS].execute_wrapper(fail):
        yield


@pytest.mark.usefixtures("lost_database")
@pytest.mark.parametrize("address", ["/", "/wallet", "/admin/", "/nowhere"])
def test_without_the_database_a_page_says_so_and_when_to_try_again(address: str) -> None:
    client = visitor()
    client.raise_request_exception = False
    client.cookies["sessionid"] = "k" * 32

    answer = client.get(address)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Try again" in html(answer)
    assert is_page(answer)
