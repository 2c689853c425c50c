"""Answers of batch commands are the bytes that the API's renderer writes."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from core.shapes import rendered

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | st.uuids()
VALUES = st.recursive(LEAVES, lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXT, each, max_size=4))


@given(value=VALUES)
@example(value={"a": "\u2028 and \u2029", "b": '\x00\x1f\x7f\x80\\"/', "c": "🎰"})
def test_an_answer_is_what_the_renderer_writes(value: Any) -> None:
    assert rendered(value) == JSONRenderer().render(value) or value is None


def test_nothing_is_null() -> None:
    assert rendered(None) == b"null"
