"""Values in a query string."""

from typing import Any

import pytest

from core.fields import Page
from tests.addresses import addresses
from tests.world import client_of, person, staff


@pytest.mark.parametrize("text", ["1", "05", "100"])
def test_plain_digits_are_a_limit(text: str) -> None:
    assert Page(data={"limit": text}).is_valid()


@pytest.mark.parametrize(
    "text", ["0", "101", "-1", "+5", " 5", "5 ", "1_0", "1.0", "1e1", "\u0665", "5\n", "9" * 40, ""]
)
def test_nothing_else_is(text: str) -> None:
    assert not Page(data={"limit": text}).is_valid()


@pytest.mark.django_db(transaction=True)
def test_an_empty_query_value_is_refused_unless_the_parameter_may_be_empty() -> None:
    asked = 0
    for path, pattern in addresses("api/v1/"):
        callback: Any = pattern.callback
        view = callback.cls
        if view.Query is None or not hasattr(view, "get") or "<" in path:
            continue
        client = client_of(staff() if path.startswith("admin/") else None if view.public else person())
        for name, field in view.Query().fields.items():
            may_be_empty = getattr(field, "allow_blank", False)
            answer = client.get(f"/api/v1/{path}?{name}=")
            if may_be_empty:
                assert answer.status_code == 200, (path, name)
            else:
                assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [name]), (path, name)
            asked += 1
    assert asked > 20


@pytest.mark.parametrize(
    "cursor", ["short", "x" * 23, "ïé+ilO%\N{SNOWMAN}", "+" * 22, "abc defghijklmnopqrstuv", "x" * 21 + "\n"]
)
def test_a_cursor_that_is_none_is_refused_where_nothing_is_paged_too(cursor: str) -> None:
    page = Page(data={"cursor": cursor})

    assert not page.is_valid()
    assert page.errors == {"cursor": ["This cursor is not one of ours."]}
    assert Page(data={"cursor": "AaZz09_-" * 2 + "abcdef"}).is_valid()
