"""Strict fields: a value of another than the documented JSON type is refused, not converted."""

import re
from typing import Any
from uuid import UUID

from django.db.models import TextChoices
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

MAX_AMOUNT = 1_000_000_000
PAGE_ROWS, MAX_PAGE_ROWS = 20, 100
UUID_TEXT = re.compile(r"\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


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
    """A JSON string without NUL."""

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

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch("[0-9]{1,18}", str(data)):
            self.fail("invalid")
        return int(data)


class Params(serializers.Serializer):
    """The query string of a GET. Unknown parameters are ignored."""


class Page(Params):
    """The query of every list."""

    cursor = StrictChar(required=False, max_length=200)
    limit = Digits(required=False, default=PAGE_ROWS, min_value=1, max_value=MAX_PAGE_ROWS)
