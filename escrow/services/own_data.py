"""What the ledger holds about a person."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any
from uuid import UUID

from core.own_data import Section, section
from escrow.models import Approval, Currency, Hold, Order, Payout, Wallet
from escrow.services.wallets import wallets_of, whole_statement


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's wallets with every entry, holds, orders, payouts and what was approved for them."""
    yield section("wallets", Wallet.objects.filter(owner_id=user_id), of="owner")
    yield Section("entries", "escrow.Entry.wallet", _entries(user_id))
    yield section("holds", Hold.objects.filter(payer_id=user_id), of="payer")
    yield section("orders", Order.objects.filter(user_id=user_id), of="user")
    yield section("payouts", Payout.objects.filter(performer_id=user_id), of="performer", but=("decided_by", "reason"))
    staff = ("requested_by", "decided_by", "reason", "decision_reason")
    yield section("approvals", Approval.objects.filter(user_id=user_id), of="user", but=staff)


def _entries(user_id: UUID) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(
        (
            {"currency": wallet.currency, **asdict(entry)}
            for entry in whole_statement(user_id, Currency(wallet.currency))
        )
        for wallet in wallets_of(user_id)
    )
