"""JSON bodies: at most 1 MiB, at most 32 levels, UTF-8, no duplicate members, no NaN."""

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from core.errors import BodyTooLarge, InvalidJson

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 32


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read the body. Raises BodyTooLarge, InvalidJson."""
        raw = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge
        return loads(raw)


def declared_length(meta: Mapping[str, Any]) -> int:
    """Return the Content-Length of a request; 0 if it is missing or not a number."""
    length = meta.get("CONTENT_LENGTH") or "0"
    return int(length[:19]) if length.isascii() and length.isdecimal() else 0  # more digits are too much in any case


def loads(raw: bytes) -> Any:
    """Parse strict JSON; empty input is an empty object."""
    if not raw.strip():
        return {}
    try:
        text = raw.decode("utf-8")
        if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            raise InvalidJson
        return _STRICT.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidJson from error


# Possessive, and an unclosed string matches too: any body is scanned once.
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _integer(digits: str) -> int:
    """Parse an integer; one of more than 20 digits becomes a large one, without the cost of parsing it."""
    return int(digits) if len(digits) <= 20 else 10**20 * (-1 if digits.startswith("-") else 1)


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate members: of two `settleTokens` neither can be trusted."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member comes twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_refuse, parse_int=_integer, object_pairs_hook=_distinct)
