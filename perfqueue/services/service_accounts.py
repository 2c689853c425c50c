"""What service accounts may do: open holds for their features, and submit items for them to the intake."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import accounts.services
import compliance.services
import escrow.services
import live.services
from accounts.models import Role, Scope, User
from accounts.services import Caller, ServiceAccess
from core import db
from core.errors import Forbidden, NotFound, ValidationFailed
from core.ids import first_id_at, new_id
from escrow.services import Currency, HoldRequest, HoldView, House, Payee
from perfqueue.errors import ServiceCapReached
from perfqueue.models import Fulfilment
from perfqueue.services.intake import blocked, intake
from perfqueue.services.payloads import Intake, IntakeResult
from perfqueue.services.queues import locked_queue

OWN_FEATURES = frozenset({"slots", "menus"})
PAYEES = (House.SLOTS_BANK, House.REVENUE)
"""The house accounts that a hold may name."""
WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class ServiceHoldRequest:
    """A hold that a service account asks for. `payee`: a performer's id, or one of `PAYEES`."""

    key: str  # the account's own, of any length that the API takes; the ledger has its hash
    user_id: UUID
    amount: int
    currency: Currency
    payee: UUID | House
    reason: str
    feature: str
    source_event_id: str


def open_hold(request: ServiceHoldRequest, *, service: User) -> HoldView:
    """Hold a buyer's tokens or points for another feature, and notify the buyer.

    Locks the name of (feature, buyer), which makes the cap exact, then the buyer's wallet.

    Raises:
        Forbidden (scope or feature of another, or the buyer is the payee or blocked by the payee), NotFound,
        ValidationFailed (payee), the gates of compliance, ServiceCapReached, InsufficientBalance, WalletFrozen: nothing
        was written.
    """
    account = admitted(service, scope=Scope.HOLD, feature=request.feature)
    with db.joined():
        payer = _payer(request)
        payee = _payee(request)
        _assert_below_cap(account, "cap", request.feature, payer.id, request.amount, HELD, request.currency.value)
        escrow.services.lock_wallets_of(payer.id, [request.currency])
        compliance.services.assert_within_limits(payer.id, request.amount, currency=request.currency)
        opened = escrow.services.hold(
            HoldRequest(
                hold_id=new_id(),
                key=hashlib.sha256(f"{service.pk}:{request.key}".encode()).hexdigest(),
                payer_id=payer.id,
                payee=payee,
                currency=request.currency,
                amount=request.amount,
                feature=request.feature,
                source_event_id=request.source_event_id,
                actor_id=service.pk,
                reason=request.reason,
            )
        )
        facts = {"amount": request.amount, "currency": request.currency.value, "feature": request.feature}
        live.services.emit([live.services.Event("escrow.hold.opened", facts, recipient_id=payer.id)])
        return escrow.services.hold_by_id(opened.hold_id)


def submit(payload: Intake, *, service: User) -> IntakeResult:
    """Take a request whose hold this account's feature has opened; an instant one is finished and settled at once.

    Locks as `intake` does: a performed item the performer's queue first; an award first the name of (feature, buyer),
    which makes the cap of awards exact. A refused intake leaves the hold to expire.

    Raises:
        Forbidden (scope, feature, or an award without its scope), ServiceCapReached (awards), NotFound (hold or
        performer), and what `intake` raises: nothing was written.
    """
    account = admitted(service, scope=Scope.INTAKE, feature=payload.source_feature)
    if hold_for(payload.hold_id, viewer=service).feature != payload.source_feature:
        raise Forbidden
    with db.joined():
        instant = payload.fulfilment == Fulfilment.INSTANT
        if instant and payload.performer_id and not accounts.services.is_performer(payload.performer_id):
            raise NotFound
        if payload.award:
            if Scope.AWARD not in account.scopes or not instant:
                raise Forbidden
            _assert_below_cap(account, "awards", payload.source_feature, payload.user_id, payload.award, AWARDED)
            payload = replace(payload, may_award=True)
        if instant:
            return intake(payload, actor=service)
        if payload.performer_id is None:
            raise RuntimeError("The endpoint refuses a performed item without its performer.")
        with locked_queue(payload.performer_id) as queue:
            return intake(payload, actor=service, queue=queue)


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


def admitted(service: User, *, scope: Scope, feature: str) -> ServiceAccess:
    """The account of this user, which must have the scope and the feature; features of our own are refused.

    Raises:
        Forbidden.
    """
    account = accounts.services.service_account(service)
    if account is None or scope not in account.scopes or feature not in account.features or feature in OWN_FEATURES:
        raise Forbidden
    return account


def _payer(request: ServiceHoldRequest) -> Caller:
    """Return the buyer, who passes the gates; a service does not say where its user is."""
    standing = compliance.services.standing(request.user_id, region=None, currency=request.currency)
    if standing is None or not standing.caller.is_active:
        raise NotFound
    compliance.services.check(standing, feature=request.feature)
    return standing.caller


def _payee(request: ServiceHoldRequest) -> Payee:
    if isinstance(request.payee, House):
        return Payee(house=request.payee)
    if request.payee == request.user_id:
        raise Forbidden
    performers = User.objects.filter(pk=request.payee, role=Role.PERFORMER, is_active=True)
    found = performers.values(has_blocked=blocked(request.user_id)).first()
    if found is None:
        raise ValidationFailed(payee=["This is no performer's id."])
    if found["has_blocked"]:
        raise Forbidden
    return Payee(request.payee)


HELD = """
SELECT coalesce(sum(amount - released), 0)::bigint AS spent FROM escrow_hold
 WHERE payer_id = %(user)s AND id >= %(floor)s AND feature = %(feature)s AND currency = %(currency)s
   AND created_at > core_now() - interval '24 hours'
"""
AWARDED = """
SELECT coalesce(sum(award), 0)::bigint AS spent FROM perfqueue_queueitem
 WHERE user_id = %(user)s AND id >= %(floor)s AND source_feature = %(feature)s
   AND created_at > core_now() - interval '24 hours'
"""


def _assert_below_cap(
    account: ServiceAccess, name: str, feature: str, user_id: UUID, amount: int, sql: str, currency: str = ""
) -> None:
    """One feature's cap for one buyer in 24 hours. Locks the name, which makes it exact.

    Ids are made in real time: those of the last day and an hour are read, however the database's clock is moved.
    """
    db.lock_name(f"perfqueue.{name}:{feature}:{user_id}")
    floor = first_id_at(datetime.now(UTC) - WINDOW - timedelta(hours=1))
    params = {"user": user_id, "floor": floor, "feature": feature, "currency": currency}
    spent = db.rows(sql, params)[0]["spent"]
    if spent + amount > account.cap_per_user_day:
        raise ServiceCapReached(cap=account.cap_per_user_day, spent=spent, amount=amount)
