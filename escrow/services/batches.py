"""What a list of commands has decided is written at once: one call of an SQL function for all of its holds.

The commands hold the locks of their payers' wallets, all different, and have refused what the ledger would refuse. Each
function here makes one statement with its parameters and passes both to `execute`: a cursor's or a connection's, of
Django or of psycopg alone, also in pipeline mode.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from core.db import array
from core.ids import new_id_texts
from escrow.errors import InsufficientBalance, WalletFrozen, WalletUnknown
from escrow.models import Currency, House, WalletStatus
from escrow.services.calling import statement, traced
from escrow.services.operations import (
    Close,
    Deposit,
    HoldRequest,
    close_fingerprint,
    credit_fingerprint,
    hold_fingerprint,
)

R = TypeVar("R")
Execute = Callable[[str, list[Any]], R]


@dataclass(slots=True)
class LockedWallet:
    """A wallet as it is under its lock, which a decision is made on: a row of `escrow_locked_wallets`."""

    id: UUID
    owner: UUID
    status: str
    available: int
    held: int
    owed: int

    @property
    def is_active(self) -> bool:
        """Whether it may pay and be paid."""
        return self.status == WalletStatus.ACTIVE


def assert_payable(wallet: LockedWallet | None, needed: int, *, currency: Currency) -> LockedWallet:
    """Return a wallet that can pay `needed`, as `hold` would find it; None: there is no wallet.

    Raises:
        WalletUnknown, WalletFrozen, InsufficientBalance.
    """
    if wallet is None:
        raise WalletUnknown
    if not wallet.is_active:
        raise WalletFrozen
    if wallet.available < needed:
        raise InsufficientBalance(needed=needed, available=wallet.available, currency=currency.value)
    return wallet


@dataclass(slots=True, kw_only=True)
class Opening:
    """A hold to be opened from `wallet`, which is its payer's. `request_id`: of the command that decided it."""

    wallet: LockedWallet
    hold: HoldRequest
    request_id: str = ""


@dataclass(slots=True, kw_only=True)
class Instant(Opening):
    """A hold of an instant item, which is settled to a house account at once; `award` is paid out of that."""

    item_id: UUID
    award: int = 0

    @property
    def available_after(self) -> int:
        """The payer's balance once all is done: what is awarded pays the debt first."""
        debt = min(self.wallet.owed, self.award)
        return self.wallet.available - self.hold.amount + self.award - debt


def lock_wallets(execute: Execute[R], owners: Sequence[UUID], *, currency: Currency, wait: bool) -> R:
    """Lock wallets in id order; the rows are those of `LockedWallet`. Without `wait`, locked ones are left out."""
    return _call(execute, "escrow_locked_wallets", owner=array(owners), currency=currency.value, wait=wait)


def open_holds(execute: Execute[R], openings: Sequence[Opening], *, at: datetime) -> R:
    """Open decided holds that the queue has taken: they have no expiry. The row: how many.

    They are of one feature and currency, and of performers. A wallet that is not as it was decided on is an
    IntegrityError, as any broken rule is: the transaction must roll back.
    """
    payees = [opening.hold.payee.user_id for opening in openings]
    facts = _terms(openings) | _holds(openings)
    return _call(execute, "escrow_open", at=at, house=None, expires_s=None, payee=array(payees), **facts)


def settle_instants(
    execute: Execute[R], instants: Sequence[Instant], *, at: datetime, clearing: House | None = None
) -> R:
    """Open and settle decided holds and pay their awards, as `hold_many`, `close_many` and `award_many` would.

    The row: how many. They are of one feature, currency and house account. Their items are stored, finished. A wallet
    that is not as it was decided on is an IntegrityError, as any broken rule is: the transaction must roll back.
    With `clearing` each wallet gets its amount from that account before, gives its award to it after, and ends with the
    balances it began with.
    """
    (terms,) = {(each.hold.payee.house, each.hold.expires_in_s) for each in instants}
    house, expires_s = terms
    seconds = str(expires_s)  # as text: batches send numbers as bigint, which the function does not take
    facts = _terms(instants) | _holds(instants) | _settlements(instants)
    if clearing is None:
        return _call(execute, "escrow_instant", at=at, house=house and house.value, expires_s=seconds, **facts)
    facts |= {"clearing": clearing.value, **_clearings(instants, clearing)}
    return _call(execute, "escrow_instant_cleared", at=at, house=house and house.value, expires_s=seconds, **facts)


def _terms(openings: Sequence[Opening]) -> dict[str, str]:
    """What all holds of a list have in common. ValueError: they have not."""
    ((feature, currency),) = {(each.hold.feature, each.hold.currency) for each in openings}
    return {"feature": feature, "currency": currency.value}


def _holds(openings: Sequence[Opening]) -> dict[str, str]:
    wallets = [each.wallet for each in openings]
    holds = [each.hold for each in openings]
    return {
        "wallet": array([w.id for w in wallets]),
        "available": array([w.available for w in wallets]),
        "owed": array([w.owed for w in wallets]),
        "operation": array(new_id_texts(len(holds))),
        "key": array([h.key for h in holds]),
        "fingerprint": array([hold_fingerprint(h) for h in holds]),
        "hold": array([h.hold_id for h in holds]),
        "payer": array([h.payer_id for h in holds]),
        "amount": array([h.amount for h in holds]),
        "source": array([h.source_event_id for h in holds]),
        "actor": array([h.actor_id for h in holds]),
        "reason": array([h.reason for h in holds]),
        "meta": array([traced(each.hold.meta, each.request_id) for each in openings]),
    }


def _settlements(instants: Sequence[Instant]) -> dict[str, str]:
    holds = [each.hold for each in instants]
    keys = [str(each.item_id) for each in instants]
    closes = [Close(key, h.hold_id, h.amount, 0) for key, h in zip(keys, holds, strict=True)]
    awards = [
        Deposit(key, h.payer_id, h.currency, each.award, h.payee.house) if each.award and h.payee.house else None
        for key, h, each in zip(keys, holds, instants, strict=True)
    ]
    return {
        "item": array(keys),
        "settle": array(new_id_texts(len(closes))),
        "settle_fingerprint": array([close_fingerprint(c) for c in closes]),
        "awarded": array([each.award for each in instants]),
        "award": array(new_id_texts(len(awards))),
        "award_fingerprint": array([a and credit_fingerprint(a) for a in awards]),
    }


def _clearings(instants: Sequence[Instant], clearing: House) -> dict[str, str]:
    """The steps before and after: the amount comes from the clearing account, and the award goes there."""
    holds = [each.hold for each in instants]
    deposits = [Deposit(h.key, h.payer_id, h.currency, h.amount, clearing) for h in holds]
    withdrawals = [
        Deposit(h.key, h.payer_id, h.currency, each.award, clearing) if each.award else None
        for h, each in zip(holds, instants, strict=True)
    ]
    return {
        "deposit": array(new_id_texts(len(deposits))),
        "deposit_fingerprint": array([credit_fingerprint(d) for d in deposits]),
        "withdraw": array(new_id_texts(len(withdrawals))),
        "withdraw_fingerprint": array([w and credit_fingerprint(w) for w in withdrawals]),
    }


def _call(execute: Execute[R], function: str, **arguments: object) -> R:
    return execute(statement(function, *arguments), list(arguments.values()))
