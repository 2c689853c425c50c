"""Token packages, and the payment provider's events about orders: signed, each once, one credit per order."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError

import live.services
from core import db
from core.clock import CoreNow
from core.errors import IdempotencyKeyReused, NotFound, ValidationFailed
from core.ids import new_id
from escrow.errors import NotReversible, SignatureInvalid
from escrow.models import (
    Currency,
    Dispute,
    DisputeState,
    EventOutcome,
    House,
    Order,
    OrderStatus,
    PaymentEvent,
    TokenPackage,
)
from escrow.services.adjustments import Reversal, chargeback_many, reverse_many
from escrow.services.calling import fingerprint, refusal
from escrow.services.operations import Deposit, deposit

SIGNATURE_TOLERANCE_S = 300
MAX_TYPE_CHARS = 64
HEADER = re.compile(r"t=(?P<at>[0-9]{1,12})(?P<rest>(?:,v[0-9]+=[0-9a-zA-Z]{1,128})+)")
PAID, CHARGEBACK, CHARGEBACK_REVERSED = "order.paid", "order.chargeback", "order.chargeback_reversed"


@dataclass(frozen=True)
class ProviderEvent:
    """An event about an order. `amount` is in tokens; the ids of event, order and dispute are the provider's own.

    `dispute_id` is None for a payment, and for a chargeback or its reversal without one.
    """

    event_id: str
    type: str
    order_id: str
    user_id: UUID
    package_id: UUID
    amount: int
    dispute_id: str | None = None

    @property
    def digest(self) -> bytes:
        facts = (self.type, self.order_id, self.user_id, self.package_id, self.amount)
        return fingerprint(*facts) if self.dispute_id is None else fingerprint(*facts, self.dispute_id)


@dataclass(frozen=True)
class Offer:
    """A token package to put on sale. `price_minor`: in the smallest unit of `price_currency` (ISO 4217)."""

    title: str
    tokens: int
    price_minor: int
    price_currency: str = "EUR"


@dataclass(frozen=True)
class PackageView(Offer):
    """A token package on sale."""

    id: UUID = field(kw_only=True)


@dataclass(frozen=True)
class Receipt:
    """The result of an event: whether the order is credited or charged back now, or why nothing moved."""

    outcome: EventOutcome
    order_id: str | None = None


def assert_signed(read: Callable[[], bytes], header: str, *, secrets: Sequence[str], now_s: float) -> None:
    """Check `t=<unix>,v1=<hex HMAC-SHA256 of "t.body">` against each secret; any `v1` of the header may match.

    The body is read only if the header is well-formed and recent. `now_s`: real time in seconds, not the movable clock.

    Raises:
        SignatureInvalid: malformed, too old or too new, or made with another secret or body.
    """
    found = HEADER.fullmatch(header)
    if found is None or abs(now_s - int(found["at"])) > SIGNATURE_TOLERANCE_S:
        raise SignatureInvalid
    given = [part[3:].lower().encode() for part in found["rest"].split(",") if part.startswith("v1=")]
    body = read()
    expected = [signature(body, int(found["at"]), secret).encode() for secret in secrets]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in given]  # all, in constant time
    if not any(matches):
        raise SignatureInvalid


def signature(body: bytes, at: int, secret: str) -> str:
    """The hex HMAC-SHA256 that signs a body sent at `at` (unix seconds)."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def receive(event: ProviderEvent) -> Receipt:
    """Carry out an event once. Locks the order's name (advisory), then the order, then the wallet.

    Raises:
        IdempotencyKeyReused: the id of the event, order or dispute was used for another one; NotFound: no such user or
        package, or a chargeback or reversal of an unknown order; ValidationFailed: the amount is not the package's, or
        the order differs;
        WalletFrozen: nothing was written, the provider sends the event again.
    """
    with db.joined():
        db.lock_name(f"escrow.order:{event.order_id}")
        known = PaymentEvent.objects.select_related("order").filter(event_id=event.event_id).first()
        if known is not None:
            if bytes(known.fingerprint) != event.digest:
                raise IdempotencyKeyReused
            return Receipt(EventOutcome(known.outcome), event.order_id)
        order = Order.objects.select_for_update(no_key=True).filter(reference=event.order_id).first()
        if event.type == PAID:
            outcome, order = _paid(event, order)
        else:
            order = _disputed(event, order)
            outcome = _charged_back(event, order) if event.type == CHARGEBACK else _given_back(event, order)
        _record(event, outcome, order)
        return Receipt(outcome, event.order_id)


def ignore(*, event_id: str, type: str) -> Receipt:
    """Record an event of an unknown type once, its type cut to 64 characters. A concurrent twin waits.

    Raises:
        IdempotencyKeyReused: the event's id was used for one of another type.
    """
    digest = fingerprint(type)
    with db.joined():
        PaymentEvent.objects.bulk_create(
            [
                PaymentEvent(
                    event_id=event_id, type=type[:MAX_TYPE_CHARS], fingerprint=digest, outcome=EventOutcome.IGNORED
                )
            ],
            ignore_conflicts=True,
        )
        if bytes(PaymentEvent.objects.values_list("fingerprint", flat=True).get(event_id=event_id)) != digest:
            raise IdempotencyKeyReused
    return Receipt(EventOutcome.IGNORED)


def packages() -> list[PackageView]:
    """The token packages on sale, in their order (one statement)."""
    on_sale = TokenPackage.objects.filter(is_active=True)
    return [PackageView(**row) for row in on_sale.values(*PackageView.__dataclass_fields__)]


def make_packages(offers: Sequence[Offer]) -> None:
    """Put the first token packages on sale, in this order; does nothing if there has ever been one."""
    if not TokenPackage.objects.exists():
        TokenPackage.objects.bulk_create(
            [
                TokenPackage(
                    title=offer.title,
                    tokens=offer.tokens,
                    price_minor=offer.price_minor,
                    price_currency=offer.price_currency,
                    position=position,
                )
                for position, offer in enumerate(offers)
            ]
        )


def _paid(event: ProviderEvent, order: Order | None) -> tuple[EventOutcome, Order]:
    if order is not None:
        if _terms(event) != _terms_of(order):
            raise IdempotencyKeyReused
        return EventOutcome.CREDITED, order
    package = db.first_or_not_found(TokenPackage.objects.filter(pk=event.package_id))
    if package.tokens != event.amount:
        raise ValidationFailed(amount=[f"This package holds {package.tokens} tokens."])
    order_id = new_id()
    credited = deposit(
        Deposit(f"order:{order_id}", event.user_id, Currency.TOKEN, event.amount, House.SALES, reason="token package")
    )
    order = Order.objects.create(
        id=order_id,
        reference=event.order_id,
        user_id=event.user_id,
        package=package,
        tokens=event.amount,
        deposit_id=credited.operation_id,
    )
    _emit(event, "wallet.tokens.credited", {"tokens": event.amount, "title": package.title})
    return EventOutcome.CREDITED, order


def _disputed(event: ProviderEvent, order: Order | None) -> Order:
    if order is None:
        raise NotFound
    if _terms(event) != _terms_of(order):
        raise ValidationFailed(orderId=["The order has another user, package or amount."])
    return order


def _charged_back(event: ProviderEvent, order: Order) -> EventOutcome:
    """Take the order's tokens unless they were taken; the dispute is lost, unless it was won before."""
    dispute = _dispute(event, order)
    if dispute is not None and dispute.state == DisputeState.WON:
        return EventOutcome.UNCHANGED
    outcome, is_new = EventOutcome.CHARGED_BACK, dispute is None and event.dispute_id is not None
    if order.status == OrderStatus.PAID:
        (result,) = chargeback_many([Reversal(order.deposit_id, reason="chargeback")])
        if result.code is None:
            is_new = True
            _emit(event, "wallet.tokens.charged_back", {"tokens": event.amount, "owed": result.owed})
        elif result.code == NotReversible.code:
            outcome = EventOutcome.REVERSED_BEFORE
        else:
            raise refusal(result.code)
    if is_new:
        _open_dispute(event, order, state=DisputeState.LOST)
    return outcome


def _given_back(event: ProviderEvent, order: Order) -> EventOutcome:
    """Undo the order's chargeback, unless another dispute of it is lost; the event's dispute is won.

    Without a dispute's id all disputes are won. A dispute that is not known yet is kept as won and undoes nothing.
    """
    dispute = _dispute(event, order)
    if event.dispute_id is not None and dispute is None:
        _open_dispute(event, order, state=DisputeState.WON, won_at=CoreNow())
        return EventOutcome.UNCHANGED
    if dispute is not None and dispute.state == DisputeState.WON:
        return EventOutcome.UNCHANGED
    if order.chargeback_id is None or (dispute is not None and _is_lost_otherwise(dispute)):
        if dispute is not None:
            dispute.state, dispute.won_at = DisputeState.WON, CoreNow()
            dispute.save(update_fields=["state", "won_at"])
        return EventOutcome.UNCHANGED
    (result,) = reverse_many([Reversal(order.chargeback_id, reason="chargeback reversed")])  # its disputes are won
    if result.code is not None:
        raise refusal(result.code)
    _emit(event, "wallet.tokens.chargeback_reversed", {"tokens": event.amount})
    return EventOutcome.CHARGEBACK_REVERSED


def _dispute(event: ProviderEvent, order: Order) -> Dispute | None:
    if event.dispute_id is None:
        return None
    dispute = Dispute.objects.filter(reference=event.dispute_id).first()
    if dispute is not None and dispute.order_id != order.pk:
        raise IdempotencyKeyReused
    return dispute


def _is_lost_otherwise(dispute: Dispute) -> bool:
    others = Dispute.objects.filter(order=dispute.order_id, state=DisputeState.LOST)
    return others.exclude(pk=dispute.pk).exists()


def _open_dispute(event: ProviderEvent, order: Order, **state: Any) -> None:
    try:
        Dispute.objects.create(order=order, reference=event.dispute_id, **state)
    except IntegrityError as error:
        if db.constraint_of(error) != "escrow_dispute_of_one_order":
            raise
        raise IdempotencyKeyReused from error  # the same dispute's id, concurrently for another order


def _terms(event: ProviderEvent) -> tuple[Any, ...]:
    return event.user_id, event.package_id, event.amount


def _terms_of(order: Order) -> tuple[Any, ...]:
    return order.user_id, order.package_id, order.tokens


def _emit(event: ProviderEvent, key: str, variables: dict[str, Any]) -> None:
    live.services.emit([live.services.Event(key, variables, recipient_id=event.user_id)])


def _record(event: ProviderEvent, outcome: EventOutcome, order: Order) -> None:
    try:
        PaymentEvent.objects.create(
            event_id=event.event_id, type=event.type, fingerprint=event.digest, outcome=outcome, order=order
        )
    except IntegrityError as error:  # the same event id, concurrently for another order
        raise IdempotencyKeyReused from error
