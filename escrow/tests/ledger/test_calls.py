"""Arrays as arguments of the ledger's functions."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import array, rows

pytestmark = pytest.mark.django_db

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(
        st.none() | TEXTS | st.sampled_from(["", "NULL", "null", "{}", '"', "\\", "a,b", " a ", "\\x00", "'", "%s"])
    )
)
def test_any_text_arrives_unchanged(values: list[str | None]) -> None:
    assert rows("SELECT %s::text[] AS arrived", [array(values)])[0]["arrived"] == values


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("uuid", [UUID(int=7), None]),
        ("bytea", [b"\x00\\x\"'", b"", None]),
        ("bigint", [-1, 2**62, None]),
        ("boolean", [True, False, None]),
    ],
)
def test_other_values_arrive_unchanged(kind: str, values: list[object]) -> None:
    assert rows(f"SELECT %s::{kind}[] AS arrived", [array(values)])[0]["arrived"] == values
