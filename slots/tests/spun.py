"""Spins written straight into the table, with the times and outcomes that a test of figures needs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from core.ids import new_id
from slots.models import Paytable
from slots.services.paytables import table_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
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
    values = [made, user_id, nonce, at, table.unit, payout, shown, paytable.pk, bytes(16)]
    values += [new_id(), new_id(), 100 - table.unit + payout, payout]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)
    return made
