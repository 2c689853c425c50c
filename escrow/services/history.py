"""A wallet's past: its statement with running balances, and what it held at a version or at a moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from core import db
from core.errors import NotFound
from escrow.models import Currency, Entry, Wallet

CHUNK = 500


@dataclass(frozen=True)
class Balance:
    """What a wallet held after its entry `version` (0: before its first), since `at` (None: it had none)."""

    version: int
    available: int
    held: int
    earned: int
    owed: int
    at: datetime | None


def wallet_of(owner_id: UUID, currency: Currency) -> Wallet:
    """A person's wallet in one currency (one statement).

    Raises:
        NotFound: there is none.
    """
    found = Wallet.objects.filter(owner_id=owner_id, currency=currency).first()
    if found is None:
        raise NotFound
    return found


def statement(wallet: Wallet) -> "QuerySet[Entry]":
    """A wallet's lines with their operations, to be paged by `version`, newest first."""
    return Entry.objects.filter(wallet=wallet).select_related("operation")


def whole_statement(wallet: Wallet) -> Iterator[Entry]:
    """Every line, oldest first, a few hundred in memory at a time; lines written meanwhile may come or not."""
    version = 0
    while chunk := list(statement(wallet).filter(version__gt=version).order_by("version")[:CHUNK]):
        yield from chunk
        version = chunk[-1].version or 0


def balance_at_version(wallet: Wallet, version: int) -> Balance:
    """What the wallet held after its entry `version` (one look-up).

    Raises:
        NotFound: it has not come so far.
    """
    if version == 0:
        return Balance(0, 0, 0, 0, 0, None)
    entry = Entry.objects.filter(wallet=wallet, version=version).first()
    if entry is None:
        raise NotFound
    return Balance(
        version,
        entry.available_after or 0,
        entry.held_after or 0,
        entry.earned_after or 0,
        entry.owed_after or 0,
        entry.at,
    )


# Versions and moments grow together (both are given under the wallet's lock), so halving finds the last one in time:
# as many look-ups by (wallet, version) as the number of entries has binary digits, in one statement.
LAST_BEFORE = """
WITH RECURSIVE search(low, high) AS (
    SELECT 0::bigint, w.version::bigint FROM escrow_wallet w WHERE w.id = %(wallet)s
    UNION ALL
    SELECT CASE WHEN e.at <= %(moment)s THEN s.middle ELSE s.low END,
           CASE WHEN e.at <= %(moment)s THEN s.high ELSE s.middle - 1 END
      FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM search WHERE low < high) s
      JOIN escrow_entry e ON e.wallet_id = %(wallet)s AND e.version = s.middle
)
SELECT low AS version FROM search WHERE low = high
"""


def balance_at(wallet: Wallet, moment: datetime) -> Balance:
    """What the wallet held at a moment (two statements, however many entries it has)."""
    (found,) = db.rows(LAST_BEFORE, {"wallet": wallet.pk, "moment": moment})
    return balance_at_version(wallet, found["version"])
