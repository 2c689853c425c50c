"""Shapes: members in their order, read by `source`, written as JSON has them."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from rest_framework import serializers

from core.shapes import Shape, TextOrNull, page_of


class Inner(Shape):
    words = serializers.IntegerField(source="word_count")


class NoteOut(Shape):
    text = TextOrNull(source="body.text")
    at = serializers.DateTimeField(allow_null=True)
    inner = Inner(source="*")
    parent = Inner(allow_null=True)
    size = serializers.SerializerMethodField()

    def get_size(self, note: SimpleNamespace) -> int:
        return len(note.body.text)


def note(text: str = "hello", at: datetime | None = None) -> SimpleNamespace:
    return SimpleNamespace(body=SimpleNamespace(text=text), at=at, word_count=1, parent=None)


def test_members_are_rendered_in_the_order_declared() -> None:
    answer = NoteOut().to_representation(note())

    assert list(answer.items()) == [
        ("text", "hello"),
        ("at", None),
        ("inner", {"words": 1}),
        ("parent", None),
        ("size", 5),
    ]


def test_an_empty_text_is_null() -> None:
    assert NoteOut().to_representation(note(text=""))["text"] is None


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:04:05Z"),
    ],
)
def test_a_time_is_in_utc(at: datetime, text: str) -> None:
    assert NoteOut().to_representation(note(at=at))["at"] == text


def test_a_missing_attribute_is_a_defect_and_not_left_out() -> None:
    with pytest.raises(AttributeError):
        Inner().to_representation(object())


def test_a_page_has_items_and_the_next_cursor() -> None:
    page = page_of(NoteOut)

    answer = page().to_representation(SimpleNamespace(items=[note(), note("")], next=None))

    assert page.__name__ == "NotesOut"
    assert list(answer) == ["items", "next"]
    assert [each["text"] for each in answer["items"]] == ["hello", None]
