"""Calls of the ledger's SQL functions: one statement over a list, one result row per element in the list's order."""

import hashlib
from functools import cache
from operator import itemgetter
from typing import Any

import orjson

from core import db
from core.context import request_id
from core.db import array
from core.errors import Refused
from escrow.errors import BY_CODE, InsufficientBalance
from escrow.services.breaker import guarded


def fingerprint(*inputs: object) -> bytes:
    """SHA-256 of what the caller gave; nothing that the server chose is part of it."""
    return hashlib.sha256("\x1f".join(map(str, inputs)).encode()).digest()


def traced(meta: dict[str, Any], request: str | None = None) -> str:
    """An operation's meta as JSON with the id of a request, which is no part of the fingerprint: the current one's."""
    found = request_id() if request is None else request
    return orjson.dumps(meta | {"requestId": found} if found else meta).decode()


def call(function: str, **arguments: Any) -> list[dict[str, Any]]:
    """Call an SQL function by named notation (`key` is its `p_key`) and return its rows, sorted by element.

    A list argument has one value per element. Joins an open transaction; else the statement is its own.

    Raises:
        LedgerUnavailable: the circuit breaker is open; nothing was sent.
    """
    sql = statement(function, *arguments)
    values = [array(value) if isinstance(value, list) else value for value in arguments.values()]
    return sorted(guarded(lambda: db.rows(sql, values)), key=itemgetter("ord"))


@cache
def statement(function: str, *names: str) -> str:
    """The call of an SQL function that returns rows, its parameters in the order of `names`."""
    return f"SELECT * FROM {function}({', '.join(f'p_{name} => %s' for name in names)})"  # noqa: S608


def refusal(code: str, **shortfall: Any) -> Refused:
    """The domain error of a code that an SQL function returned. `shortfall`: the details of INSUFFICIENT_BALANCE.

    Raises:
        KeyError: an unknown code, which is a defect.
    """
    error = BY_CODE[code]
    return error(**shortfall) if error is InsufficientBalance else error()
