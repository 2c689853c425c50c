"""Shapes of answers: serializers that render an answer and document it (ADR 0048)."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

import orjson
from rest_framework import serializers

JSON_TYPES = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.DictField,
    serializers.IntegerField,
    serializers.ListField,
    serializers.UUIDField,
)
"""Fields whose values JSON can write as they are."""


def utc(at: datetime | None) -> str | None:
    """ISO 8601 with `Z`."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Shape(serializers.Serializer):
    """An object in an answer. A field's `source` is an attribute of the value (dotted: of an attribute's); `*` is the
    value itself.

    One instance renders all answers: it looks its fields up once and converts only what JSON cannot write, which costs
    about as much as a dictionary written by hand.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        answer = {}
        for name, value_of, write in self._members:
            value = value_of(instance)
            answer[name] = value if write is None or value is None else write(value)
        return answer

    @cached_property
    def _members(self) -> list[tuple[str, Callable[[Any], Any], Callable[[Any], Any] | None]]:
        return [
            (name, _itself if field.source == "*" else attrgetter(str(field.source)), _writer(field))
            for name, field in self.fields.items()
        ]


class TextOrNull(serializers.CharField):
    """Text that is null while it is empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: str) -> Any:
        return value or None


def page_of(shape: type[Shape], name: str = "") -> type[Shape]:
    """The envelope of a list: `{items, next}`. `name` is its name in the description."""
    members = {"items": shape(many=True), "next": serializers.CharField(allow_null=True)}
    return type(name or f"{shape.__name__.removesuffix('Out')}sOut", (Shape,), members)


METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))


def by_method(declared: Any, method: str) -> Any:
    """What an endpoint declares for a method: the same for all, or the entry of a dictionary by method, if any."""
    if isinstance(declared, dict) and not METHODS.isdisjoint(declared):
        return declared.get(method)
    return declared


@cache
def outputs(endpoint: Any, method: str) -> dict[int, Any]:
    """What an endpoint answers to a method, by status: one instance of each shape of its `Output`."""
    declared = by_method(endpoint.Output, method)
    by_status = declared if isinstance(declared, dict) else {200: declared}
    return {status: shape() if isinstance(shape, type) else shape for status, shape in by_status.items()}


@cache
def reader(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """Return the instance that checks all requests of a shape: by `run_validation`, which leaves no trace in it."""
    return shape()


def rendered(value: Any) -> bytes:
    """Write an answer as `JSONRenderer` does, byte for byte."""
    return (
        orjson.dumps(value, option=orjson.OPT_UTC_Z)
        .replace(b"\xe2\x80\xa8", b"\\u2028")
        .replace(b"\xe2\x80\xa9", b"\\u2029")
    )


def _itself(value: Any) -> Any:
    return value


def _writer(field: serializers.Field) -> Callable[[Any], Any] | None:
    if type(field) in JSON_TYPES:
        return None
    if type(field) is serializers.SerializerMethodField:
        method: Callable[[Any], Any] = getattr(field.parent, str(field.method_name))
        return method
    return utc if type(field) is serializers.DateTimeField else field.to_representation
