"""JSON types of the slot machine: hex of a fixed length, and the player's seed."""

import re
from fractions import Fraction
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from core.fields import StrictChar
from slots.draw import MAX_CLIENT_SEED_BYTES, MalformedTable, Table, parse

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
PAYTABLE = {
    "type": "object",
    "required": ["id", "reels", "symbols", "unit", "version"],
    "properties": {
        "id": {"type": "string"},
        "version": {"type": "integer"},
        "unit": {"type": "integer", "description": "what the pays are pays of"},
        "reels": {"type": "integer"},
        "symbols": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["s", "w", "x3"],
                "properties": {"s": TEXT, "w": WHOLE, "x3": WHOLE},
                "additionalProperties": False,
            },
        },
        "pair": {"type": "object", "additionalProperties": WHOLE},
        "mixed": {
            "type": "object",
            "required": ["of", "pay"],
            "properties": {"of": {"type": "array", "items": TEXT}, "pay": WHOLE},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
"""The JSON schema of a paytable's rules."""
_HEX = re.compile(r"\A[0-9a-fA-F]+\Z")


class HexBytes(StrictChar):
    """Exactly ``length_bytes`` bytes in hexadecimal, validated to bytes."""

    default_error_messages = {"hex": "{digits} hexadecimal digits are needed."}

    def __init__(self, *, length_bytes: int, **kwargs: Any) -> None:
        self.digits = 2 * length_bytes
        self.pattern = f"^[0-9a-fA-F]{{{self.digits}}}$"
        super().__init__(min_length=self.digits, max_length=self.digits, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if len(text) != self.digits or not _HEX.match(text):
            self.fail("hex", digits=self.digits)
        return text

    def run_validation(self, data: Any = empty) -> Any:
        return bytes.fromhex(super().run_validation(data))


class ClientSeed(StrictChar):
    """Any text of at most 64 bytes in UTF-8, the empty one included."""

    default_error_messages = {"long": "At most {limit} bytes in UTF-8."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if len(text.encode()) > MAX_CLIENT_SEED_BYTES:
            self.fail("long", limit=MAX_CLIENT_SEED_BYTES)
        return text


@extend_schema_field(PAYTABLE)
class TableField(serializers.Field):
    """The rules of a paytable, validated to a table that can be played."""

    def to_internal_value(self, data: Any) -> Table:
        try:
            return parse(data)
        except MalformedTable as error:
            raise serializers.ValidationError(str(error), code="table") from error


class Share(StrictChar):
    """A share of 1 as text, exact: a fraction `19/20` or a decimal `0.95`. Validated to a `Fraction`."""

    pattern = "^[0-9]{1,18}(/[0-9]{1,18}|[.][0-9]{1,18})?$"
    default_error_messages = {"share": 'An exact share is needed, as text: "19/20" or "0.95".'}

    def run_validation(self, data: Any = empty) -> Any:
        text = super().run_validation(data)
        try:
            if re.fullmatch(self.pattern[1:-1], text):
                return Fraction(text)
        except ZeroDivisionError:
            pass
        raise serializers.ValidationError(self.error_messages["share"], code="share")
