"""Holds that another feature opens over the API: its account's features and cap, the buyer's gates, then the ledger."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import accounts.services
import compliance.services
import escrow.services
import live.services
from accounts.models import Role, Scope, User
from core import db
from core.errors import Forbidden, NotFound, ValidationFailed
from core.ids import new_id
from escrow.services import Currency, HoldRequest, HoldView, House, Payee
from perfqueue.errors import ServiceCapReached

OUR_OWN = frozenset({"slots", "menus"})
PAYEES = (House.SLOTS_BANK, House.REVENUE)
"""The house accounts that a hold may name."""
DAY = timedelta(hours=24)


@dataclass(frozen=True)
class ServiceHoldRequest:
    """What a service account asks to set aside. `payee`: a performer's id, or one of `PAYEES`."""

    key: str  # the account's own, of any length that the API takes: the ledger knows it by its hash
    user_id: UUID
    amount: int
    currency: Currency
    payee: UUID | House
    reason: str
    feature: str
    source_event_id: str


def open_hold(request: ServiceHoldRequest, *, service: User) -> HoldView:
    """Set a buyer's tokens or points aside for another feature, and tell the buyer.

    Locks the name of (feature, buyer), which makes the cap exact, then the buyer's wallet.

    Raises:
        Forbidden (scope or feature of another, or the buyer is the payee), NotFound, ValidationFailed (payee), the
        gates of compliance, ServiceCapReached, InsufficientBalance, WalletFrozen: nothing was written.
    """
    account = admitted(service, scope=Scope.HOLD, feature=request.feature)
    with db.joined():
        payer = User.objects.filter(pk=request.user_id, is_active=True).first()
        if payer is None:
            raise NotFound
        compliance.services.check(payer, feature=request.feature)
        payee = _payee(request)
        _assert_below_cap(request, account)
        opened = escrow.services.hold(
            HoldRequest(
                hold_id=new_id(),
                key=hashlib.sha256(f"{service.pk}:{request.key}".encode()).hexdigest(),
                payer_id=payer.pk,
                payee=payee,
                currency=request.currency,
                amount=request.amount,
                feature=request.feature,
                source_event_id=request.source_event_id,
                actor_id=service.pk,
                reason=request.reason,
            )
        )
        told = {"amount": request.amount, "currency": request.currency.value, "feature": request.feature}
        live.services.emit([live.services.Event("escrow.hold.opened", told, recipient_id=payer.pk)])
        return escrow.services.hold_by_id(opened.hold_id)


def hold_for(hold_id: UUID, *, viewer: User) -> HoldView:
    """One hold, for the service account whose feature opened it, and for staff (two statements).

    Raises:
        NotFound, Forbidden.
    """
    hold = escrow.services.hold_by_id(hold_id)
    if viewer.role == Role.SERVICE:
        account = accounts.services.service_account(viewer)
        if account is None or hold.feature not in account.features:
            raise Forbidden
    return hold


def admitted(service: User, *, scope: Scope, feature: str) -> accounts.services.ServiceAccess:
    """What a service account may do; a feature of our own is nobody else's.

    Raises:
        Forbidden: the scope or the feature is not its own.
    """
    account = accounts.services.service_account(service)
    if account is None or scope not in account.scopes or feature not in account.features or feature in OUR_OWN:
        raise Forbidden
    return account


def _payee(request: ServiceHoldRequest) -> Payee:
    if isinstance(request.payee, House):
        return Payee(house=request.payee)
    if request.payee == request.user_id:
        raise Forbidden
    if not accounts.services.is_performer(request.payee):
        raise ValidationFailed(payee=["This is no performer's id."])
    return Payee(request.payee)


SPENT = """
SELECT coalesce(sum(amount - released), 0)::bigint AS spent FROM escrow_hold
 WHERE payer_id = %s AND id >= %s AND feature = %s AND currency = %s AND created_at > core_now() - interval '24 hours'
"""


def _assert_below_cap(request: ServiceHoldRequest, account: accounts.services.ServiceAccess) -> None:
    """The ids are made in real time: those of the last day and an hour are looked at, however the clock is moved."""
    db.lock_name(f"perfqueue.cap:{request.feature}:{request.user_id}")
    since = datetime.now(UTC) - DAY - timedelta(hours=1)
    floor = UUID(int=int(since.timestamp() * 1000) << 80)
    spent = db.rows(SPENT, [request.user_id, floor, request.feature, request.currency.value])[0]["spent"]
    if spent + request.amount > account.cap_per_user_day:
        raise ServiceCapReached(cap=account.cap_per_user_day, spent=spent, amount=request.amount)
