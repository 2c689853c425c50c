"""Numbers in a query string."""

import pytest

from core.fields import Page


@pytest.mark.parametrize("text", ["1", "05", "100"])
def test_plain_digits_are_a_limit(text: str) -> None:
    assert Page(data={"limit": text}).is_valid()


@pytest.mark.parametrize("text", ["0", "101", "-1", "+5", " 5", "5 ", "1_0", "1.0", "1e1", "\u0665", "5\n", "9" * 40])
def test_nothing_else_is(text: str) -> None:
    assert not Page(data={"limit": text}).is_valid()
