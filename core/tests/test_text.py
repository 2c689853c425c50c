"""Titles that people can read, and the character that a spreadsheet would act on."""

import pytest
from django.core.exceptions import ValidationError
from rest_framework import serializers

from core.fields import Title
from core.text import TitleField, fault_of_title, first_visible

UNREADABLE = {
    "NUL": "a\0b",
    "a tab": "a\tb",
    "a new line": "a\nb",
    "an escape": "\x1b[31m",
    "a C1 control": "a\x85b",
    "a line separator": "a\u2028b",
    "a surrogate": "\ud800",
    "an override": "\u202egnos",
    "an embedding": "a\u202ab\u202c",
    "an isolate": "\u2067a\u2069",
    "a space of no width": "\u200b",
    "spaces": " \u00a0\u3000",
    "joiners": "\u200d\u2060\ufeff",
    "a filler": "\u3164",
    "empty braille": "\u2800",
    "a mark without a letter": "\u0301",
    "a tag": "\U000e0041",
}
READABLE = [
    "",
    "A song",
    "Café",
    "Cafe\u0301",
    "песня",
    "שיר",
    "أغنية",
    "a\u200fb",
    "歌",
    "❤️",
    "👩‍🎤",
    "क\u094d\u200dष",
    "=1+1",
    "ㅎ",
]


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_title_is_visible_and_in_its_own_direction(name: str) -> None:
    assert fault_of_title(UNREADABLE[name])
    with pytest.raises(serializers.ValidationError):
        Title(trim_whitespace=False).run_validation(UNREADABLE[name])
    with pytest.raises(ValidationError):
        TitleField().run_validators(UNREADABLE[name])


@pytest.mark.parametrize("title", READABLE)
def test_titles_of_any_script_are_accepted(title: str) -> None:
    assert fault_of_title(title) is None
    assert Title(allow_blank=True).run_validation(title) == title
    TitleField().run_validators(title)


@pytest.mark.parametrize(
    ("text", "first"),
    [("", ""), (" \u200b\ufeff", ""), ("\u200b＝1", "="), ("\t+1", "+"), ("a=", "a"), ("\u0301@", "@"), ("ﬁ", "f")],
)
def test_the_first_visible_character_is_that_after_nfkc(text: str, first: str) -> None:
    assert first_visible(text) == first


def test_migrations_see_an_ordinary_column() -> None:
    assert TitleField(max_length=80).deconstruct()[1:] == ("django.db.models.CharField", [], {"max_length": 80})
