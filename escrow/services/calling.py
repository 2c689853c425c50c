"""One round trip to one SQL function of the ledger over a list; a row per element, in the list's order."""

import hashlib
from collections.abc import Sequence
from typing import Any

from core import db
from core.errors import Refused
from escrow.errors import BY_CODE

Columns = Sequence[tuple[str, Any]]


def fingerprint(*inputs: object) -> bytes:
    """SHA-256 over the caller's inputs, and nothing that the server chose."""
    return hashlib.sha256("\x1f".join(map(str, inputs)).encode()).digest()


def call(function: str, columns: Columns) -> list[dict[str, Any]]:
    """Call `function` with (SQL type, value) pairs. Joins an open transaction; else the one statement is its own."""
    kinds, values = zip(*columns, strict=True)
    places = ", ".join(f"%s::{kind}" for kind in kinds)
    return db.rows(f"SELECT * FROM {function}({places}) ORDER BY ord", values)  # noqa: S608  names are ours


def refusal(code: str) -> Refused:
    """The domain error of a code; an unknown code is a defect."""
    return BY_CODE[code]()
