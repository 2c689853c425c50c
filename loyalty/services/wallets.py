"""Balances as they are shown: tokens from our ledger, points from where they live."""

from dataclasses import dataclass
from uuid import UUID

from escrow import services as escrow
from loyalty.services.balances import PointsView, points_now
from loyalty.services.gates import is_remote


@dataclass(frozen=True)
class WalletRow:
    """A person's balances in one currency. `points`: of points that live in RedRoomRewards; amounts may be unknown."""

    currency: str
    available: int | None
    held: int | None
    earned: int | None
    owed: int | None
    points: PointsView | None = None


def wallets_now(user_id: UUID) -> list[WalletRow]:
    """Return a person's balances, TOKEN first; may ask RedRoomRewards, outside of any transaction."""
    wallets = escrow.wallets_of(user_id)
    remote = points_now(user_id) if is_remote() else None
    return [_row(each, remote if each.currency == escrow.Currency.POINT else None) for each in wallets]


def _row(wallet: escrow.WalletView, remote: PointsView | None) -> WalletRow:
    if remote is None:
        return WalletRow(wallet.currency, wallet.available, wallet.held, wallet.earned, wallet.owed)
    none = None if remote.balance is None else 0
    return WalletRow(wallet.currency, remote.balance, none, none, none, points=remote)
