"""Text that people see: what a title or name must not hold, and what a spreadsheet would read first."""

import unicodedata
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

# Embeddings, overrides and isolates: they show text in another order than it has. Single marks (U+200E, U+200F) do not.
BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, surrogates, and the separators of lines and paragraphs.
CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Formats, spaces, characters without meaning, and marks, which need a letter to stand on.
INVISIBLE = CONTROL | {"Cf", "Cn", "Co", "Mc", "Me", "Mn", "Zs"}
# Letters and symbols that are blank: fillers of Hangul, the empty pattern of braille.
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def fault_of_title(text: str) -> str | None:
    """Return what is wrong with a title or name that others will see; None if nothing is. Empty text is not judged."""
    if any(unicodedata.category(letter) in CONTROL for letter in text):
        return "Control characters and line breaks cannot be used."
    if not BIDIRECTIONAL.isdisjoint(text):
        return "Characters that change the direction of text cannot be used."
    if text and not first_visible(text):
        return "At least one visible character is needed."
    return None


def first_visible(text: str) -> str:
    """Return the first character that a reader sees, empty if there is none. After NFKC: a full-width `＝` is a `=`."""
    return next((letter for letter in _normalised(text) if _is_visible(letter)), "")


def _normalised(text: str) -> Iterator[str]:
    for letter in text:
        yield from unicodedata.normalize("NFKC", letter)


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter) not in INVISIBLE and letter not in BLANK


def validate_title(text: str) -> None:
    """Raise Django's ValidationError if `fault_of_title` finds something."""
    if fault := fault_of_title(text):
        raise ValidationError(fault, code="title")


class TitleField(models.CharField):
    """A column of a title or name. To migrations it is a CharField: the rule is Python's."""

    default_validators = [validate_title]

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
