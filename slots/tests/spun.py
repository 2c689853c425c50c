"""Spins written straight into the table, with the times and outcomes that a test of figures needs."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from core.ids import new_id
from slots.models import Paytable
from slots.services.paytables import active_paytable, table_of
from slots.tests.factories import approved_paytable

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LINES = (
    ("cherry", "lemon", "orange"),
    ("cherry", "cherry", "orange"),
    ("plum", "plum", "plum"),
    ("seven", "star", "diamond"),
    ("lemon", "plum", "bell"),
)
INSERT = """
    INSERT INTO slots_spin VALUES (%s, %s, %s, %s, %s, %s, 0, %s, %s, sha256('a'), sha256('a'), sha256('a'), '', %s,
        true, NULL, %s, %s, 100, %s, 100, %s, sha256('a'))
"""


def spun(
    user_id: UUID,
    nonce: int,
    at: datetime,
    *,
    paytable: Paytable,
    symbols: Sequence[str] = ("cherry", "lemon", "orange"),
    payout: int | None = None,
) -> UUID:
    """Store one spin, paid by its paytable unless told otherwise; return its id."""
    made, table = new_id(), table_of(paytable.canonical)
    payout, shown = table.pay(tuple(symbols)) if payout is None else payout, list(symbols)
    values: list[Any] = [made, user_id, nonce, at, table.unit, payout, shown, paytable.pk, bytes(16)]
    values += [new_id(), new_id(), 100 - table.unit + payout, payout]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)
    return made


def scattered(spins: int, *, seed: int) -> None:
    """Spins of six players around midnights with two paytables, gaps of seconds to hours."""
    dice = random.Random(seed)
    tables = [active_paytable(), approved_paytable()]
    people = [new_id() for _ in range(6)]
    at, nonce = dict.fromkeys(people, NOON), Counter[UUID]()
    for _ in range(spins):
        user = dice.choice(people)
        at[user] += timedelta(seconds=dice.choice((2.5, 7.25, 60, 600, 1_799.9, 1_800, 1_801, 9_000)))
        spun(user, nonce[user], at[user], paytable=dice.choice(tables), symbols=dice.choice(LINES))
        nonce[user] += 1
