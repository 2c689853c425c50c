"""Which JSON bodies are accepted."""

import time

import pytest

from core.errors import InvalidJson
from core.parsing import MAX_BODY_BYTES, MAX_DEPTH, loads


@pytest.mark.parametrize("raw", [b"", b"  \n"])
def test_no_body_is_an_empty_object(raw: bytes) -> None:
    assert loads(raw) == {}


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_depth_is_counted_to_the_last_level() -> None:
    loads(nested(MAX_DEPTH))
    with pytest.raises(InvalidJson):
        loads(nested(MAX_DEPTH + 1))


def test_brackets_inside_strings_are_no_depth() -> None:
    text = "[{" * 100 + '\\"]'

    assert loads(b'{"note": "' + text.encode() + b'"}') == {"note": "[{" * 100 + '"]'}


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{}{}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b'{"a": [{"b": 1, "c": 2, "b": 3}]}',
        b'{"a": "\x00"}',
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'"' + b'\\"' * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        loads(raw)


def test_integers_of_any_length_cost_nothing_and_stay_too_large() -> None:
    assert loads(b"9" * 1_000_000) == 10**20
    assert loads(b"-" + b"9" * 1_000_000) == -(10**20)
    assert loads(b"123456789012345678") == 123456789012345678


@pytest.mark.parametrize("start", [b'"', b'{"a": "', b'["\\'])
@pytest.mark.parametrize("piece", [b'\\"', b"\\", b'"', b'""', b"[", b'"\\'])
def test_the_largest_body_is_scanned_once(start: bytes, piece: bytes) -> None:
    """A scan that starts over at each quote takes an hour for the same body; generous, so that it never flickers."""
    raw = start + piece * ((MAX_BODY_BYTES - len(start)) // len(piece))

    began = time.process_time()
    with pytest.raises(InvalidJson):
        loads(raw)

    assert time.process_time() - began < 5
