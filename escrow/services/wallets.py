"""Reading wallets: balances now and in the past, and the statement with running balances."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from core import db
from escrow.models import Currency, Entry, Wallet

CHUNK_ENTRIES = 500


@dataclass(frozen=True)
class WalletView:
    """A person's balances in one currency; `version` counts the wallet's entries."""

    currency: str
    available: int
    held: int
    earned: int
    owed: int
    version: int


@dataclass(frozen=True)
class EntryView:
    """One entry of a wallet: what its operation changed (`d_…`), and the balances after it."""

    id: int
    at: datetime
    version: int
    operation_id: UUID
    kind: str
    hold_id: UUID | None
    d_available: int
    d_held: int
    d_earned: int
    d_owed: int
    available_after: int
    held_after: int
    earned_after: int
    owed_after: int


@dataclass(frozen=True)
class Balance:
    """A wallet's balances after its entry `version` (0: before the first), written `at` (None: there was none)."""

    currency: str
    version: int
    available: int
    held: int
    earned: int
    owed: int
    at: datetime | None


def open_wallets(owner_ids: Iterable[UUID]) -> None:
    """Create a wallet per person and currency where there is none (one statement)."""
    Wallet.objects.bulk_create(
        [Wallet(owner_id=owner, currency=currency) for owner in owner_ids for currency in Currency],
        ignore_conflicts=True,
    )


def lock_wallets_of(owner_id: UUID, currencies: Sequence[Currency]) -> None:
    """Lock a person's wallets in these currencies, in id order; a missing one is opened first."""
    wanted = Wallet.objects.filter(owner_id=owner_id, currency__in=currencies).order_by("id")
    locking = wanted.select_for_update(no_key=True).values_list("id", flat=True)
    if len(locking) < len(currencies):
        open_wallets([owner_id])
        len(locking.all())


def wallets_of(owner_id: UUID) -> list[WalletView]:
    """A person's wallets, TOKEN first (one statement)."""
    found = Wallet.objects.filter(owner_id=owner_id).order_by("-currency")
    return [WalletView(**row) for row in found.values(*WalletView.__dataclass_fields__)]


def wallet_of(owner_id: UUID, currency: Currency) -> Wallet:
    """A person's wallet in one currency (one statement). Raises NotFound if there is none."""
    return db.first_or_not_found(Wallet.objects.filter(owner_id=owner_id, currency=currency))


def balance(owner_id: UUID, currency: Currency) -> int:
    """What a person can spend now; 0 without a wallet (one statement)."""
    found = Wallet.objects.filter(owner_id=owner_id, currency=currency).values_list("available", flat=True).first()
    return found or 0


def transfers_of(owner_id: UUID) -> "QuerySet[Entry]":
    """The entries of a person's wallets with their operations, to be paged by id."""
    wallets = Wallet.objects.filter(owner_id=owner_id).values("id")
    return Entry.objects.filter(wallet_id__in=wallets).select_related("operation")


def recent_entries(owner_id: UUID, currency: Currency, *, before: int | None = None, limit: int) -> list[EntryView]:
    """The newest entries of a person's wallet in one currency, of those with ids below `before` (one statement)."""
    entries = transfers_of(owner_id).filter(currency=currency)
    if before is not None:
        entries = entries.filter(id__lt=before)
    return _views(entries.order_by("-id")[:limit])


def statement(wallet: Wallet) -> "QuerySet[Entry]":
    """A wallet's entries with their operations, to be paged by `version`, newest first."""
    return Entry.objects.filter(wallet=wallet).select_related("operation")


def whole_statement(owner_id: UUID, currency: Currency) -> Iterator[EntryView]:
    """Return an iterator over all entries of a person's wallet, oldest first, read a few hundred at a time.

    Raises:
        NotFound: there is no such wallet.
    """
    return _entries_of(wallet_of(owner_id, currency))


def _entries_of(wallet: Wallet) -> Iterator[EntryView]:
    version = 0
    while chunk := _views(statement(wallet).filter(version__gt=version).order_by("version")[:CHUNK_ENTRIES]):
        yield from chunk
        version = chunk[-1].version


def _views(entries: "QuerySet[Entry]") -> list[EntryView]:
    columns: Any = [name for name in EntryView.__dataclass_fields__ if name not in ("kind", "hold_id")]
    joined = entries.values(*columns, kind=F("operation__kind"), hold_id=F("operation__hold_id"))
    return [EntryView(**row) for row in joined]


def balance_at_version(wallet: Wallet, version: int) -> Balance:
    """A wallet's balances after its entry `version` (one look-up). Raises NotFound if it has no such entry."""
    if version == 0:
        return Balance(wallet.currency, 0, 0, 0, 0, 0, None)
    entry = db.first_or_not_found(Entry.objects.filter(wallet=wallet, version=version))
    return Balance(
        wallet.currency,
        version,
        entry.available_after or 0,
        entry.held_after or 0,
        entry.earned_after or 0,
        entry.owed_after or 0,
        entry.at,
    )


# Versions and times grow together (both are given under the wallet's lock), so bisection finds the last entry before
# a time in as many look-ups by (wallet, version) as the number of entries has binary digits, in one statement.
LAST_BEFORE = """
WITH RECURSIVE search(low, high) AS (
    SELECT 0::bigint, w.version::bigint FROM escrow_wallet w WHERE w.id = %(wallet)s
    UNION ALL
    SELECT CASE WHEN e.at <= %(at)s THEN s.middle ELSE s.low END,
           CASE WHEN e.at <= %(at)s THEN s.high ELSE s.middle - 1 END
      FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM search WHERE low < high) s
      JOIN escrow_entry e ON e.wallet_id = %(wallet)s AND e.version = s.middle
)
SELECT low AS version FROM search WHERE low = high
"""


def balance_at(wallet: Wallet, at: datetime) -> Balance:
    """A wallet's balances at a time (two statements, however many entries it has)."""
    (found,) = db.rows(LAST_BEFORE, {"wallet": wallet.pk, "at": at})
    return balance_at_version(wallet, found["version"])
