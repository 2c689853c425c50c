"""What RedRoomRewards' ledger has of a user."""

from datetime import datetime, timedelta
from uuid import UUID

from loyalty.client import LedgerEntry, LoyaltyClient

MARGIN = timedelta(hours=1)
"""How far before the time that is meant their ledger is read: clocks differ, and the same row has two times."""


async def entries_of(client: LoyaltyClient, user_id: UUID, *, since: datetime) -> list[LedgerEntry]:
    """Read their whole ledger of a user since then. Raises RemoteUnknownUser."""
    entries: list[LedgerEntry] = []
    cursor: str | None = None
    while True:
        page = await client.ledger(user_id, since=since - MARGIN, cursor=cursor)
        entries += page.entries
        cursor = page.next
        if cursor is None:
            return entries


async def taken_under(client: LoyaltyClient, key: str, *, user_id: UUID, since: datetime) -> int:
    """Return how many points a key has taken from a user, 0 if none. Raises as `entries_of`."""
    entries = await entries_of(client, user_id, since=since)
    return max(0, -sum(each.points_delta for each in entries if each.transaction_id == key))
