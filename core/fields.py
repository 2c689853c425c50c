"""Strict fields: a value of another than the documented JSON type is refused, not converted."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import TextChoices
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core.text import fault_of_title

MAX_AMOUNT = 1_000_000_000
PAGE_ROWS, MAX_PAGE_ROWS = 20, 100
MAX_DIGITS = 10**18 - 1
UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
UUID_TEXT = re.compile(rf"\A{UUID_PATTERN}\Z")


class StrictInt(serializers.IntegerField):
    """A JSON integer: no boolean, float or string."""

    default_error_messages = {"invalid": "A whole number is needed."}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class Amount(StrictInt):
    """Whole tokens or points, 1 to 1,000,000,000."""

    def __init__(self, *, min_value: int = 1, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=MAX_AMOUNT, **kwargs)


class StrictChar(serializers.CharField):
    """A JSON string without NUL. `pattern` says to readers of the API's description what else is checked."""

    pattern = ""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if any("\ud800" <= letter <= "\udfff" for letter in data):
            self.fail("invalid")  # a lone surrogate cannot be stored
        return str(super().to_internal_value(data))


class Name(StrictChar):
    """An identifier of another system: 1 to 128 printable characters, kept as they are sent."""

    default_error_messages = {"unprintable": "Printable characters only."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=128, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if not name.isprintable():
            self.fail("unprintable")
        return name


class Title(StrictChar):
    """A title or name that others will see: visible, in one line, in its own direction."""

    def to_internal_value(self, data: Any) -> str:
        title = super().to_internal_value(data)
        if fault := fault_of_title(title):
            raise serializers.ValidationError(fault, code="title")
        return title


class StrictChoice(serializers.ChoiceField):
    """One of a few values, as a JSON string. The refusal lists them and does not repeat what was sent."""

    default_error_messages = {"invalid_choice": "One of {choices} is needed."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choice_strings_to_values:
            self.fail("invalid_choice", choices=", ".join(self.choice_strings_to_values))
        return self.choice_strings_to_values[data]


class StrictEnum(StrictChoice):
    """A member of an enumeration, by its value as a JSON string."""

    def __init__(self, enum: type[TextChoices], **kwargs: Any) -> None:
        super().__init__(choices=[(each, each.label) for each in enum], **kwargs)


class StrictBool(serializers.BooleanField):
    """JSON true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictUUID(serializers.UUIDField):
    """A UUID in its 36-character form."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not UUID_TEXT.match(data):
            self.fail("invalid", value=data)
        return UUID(data)


class StrictDate(serializers.DateField):
    """A calendar date as a JSON string, YYYY-MM-DD."""

    default_error_messages = {"invalid": "A date as YYYY-MM-DD is needed."}

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            self.fail("invalid")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("invalid")


class Body(serializers.Serializer):
    """A JSON object with known members only, so that a misspelt `settleTokens` does not pay in full."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(
                {_shown(name): [ErrorDetail("This field is not known.", code="unknown")] for name in unknown[:20]}
            )
        return super().to_internal_value(data)


def _shown(name: str) -> str:
    """An unknown field's name, shortened and encodable."""
    return name[:100].encode(errors="replace").decode()


class Digits(serializers.IntegerField):
    """A number in a query string: plain digits, no sign, space, underscore or foreign numeral."""

    def __init__(self, *, min_value: int = 0, max_value: int = MAX_DIGITS, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch("[0-9]{1,18}", str(data)):
            self.fail("invalid")
        return int(data)


class Params(serializers.Serializer):
    """The query string of a GET. Unknown parameters are ignored."""


class Cursor(StrictChar):
    """The `next` of an earlier page."""

    pattern = "^[A-Za-z0-9_-]{22}$"
    default_error_messages = {"foreign": "This cursor is not one of ours."}

    def to_internal_value(self, data: Any) -> str:
        cursor = super().to_internal_value(data)
        if not re.fullmatch(self.pattern[1:-1], cursor):
            self.fail("foreign")
        return cursor


class Page(Params):
    """The query of every list."""

    cursor = Cursor(required=False, max_length=200)
    limit = Digits(required=False, default=PAGE_ROWS, min_value=1, max_value=MAX_PAGE_ROWS)
