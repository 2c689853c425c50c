"""JSON types of the slot machine: hex of a fixed length, and the player's seed."""

import re
from typing import Any

from rest_framework.fields import empty

from core.fields import StrictChar
from slots.draw import MAX_CLIENT_SEED_BYTES

_HEX = re.compile(r"\A[0-9a-fA-F]+\Z")


class HexBytes(StrictChar):
    """Exactly ``length_bytes`` bytes in hexadecimal, validated to bytes."""

    default_error_messages = {"hex": "{digits} hexadecimal digits are needed."}

    def __init__(self, *, length_bytes: int, **kwargs: Any) -> None:
        self.digits = 2 * length_bytes
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
