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
from escrow.errors import SignatureInvalid
from escrow.models import Currency, House, Order, OrderStatus, PaymentEvent, TokenPackage
from escrow.services.adjustments import Reversal, chargeback_many
from escrow.services.calling import fingerprint, refusal
from escrow.services.operations import Deposit, deposit

SIGNATURE_TOLERANCE_S = 300
MAX_TYPE_CHARS = 64
HEADER = re.compile(r"t=(?P<at>[0-9]{1,12})(?P<rest>(?:,v[0-9]+=[0-9a-zA-Z]{1,128})+)")
PAID, CHARGEBACK = "order.paid", "order.chargeback"


@dataclass(frozen=True)
class ProviderEvent:
    """An event about an order. `amount` is in tokens; `event_id` and `order_id` are the provider's own ids."""

    event_id: str
    type: str
    order_id: str
    user_id: UUID
    package_id: UUID
    amount: int

    @property
    def digest(self) -> bytes:
        return fingerprint(self.type, self.order_id, self.user_id, self.package_id, self.amount)


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
    """The result of an event: credited, charged_back, reversed_before (by staff) or ignored (an unknown type)."""

    outcome: str
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
        IdempotencyKeyReused: the id of the event or order was used for another one; NotFound: no such user or package,
        or a chargeback of an unknown order; ValidationFailed: the amount is not the package's, or the order differs;
        WalletFrozen: nothing was written, the provider sends the event again.
    """
    with db.joined():
        db.lock_name(f"escrow.order:{event.order_id}")
        known = PaymentEvent.objects.select_related("order").filter(event_id=event.event_id).first()
        if known is not None:
            if bytes(known.fingerprint) != event.digest:
                raise IdempotencyKeyReused
            return Receipt(known.outcome, event.order_id)
        order = Order.objects.select_for_update(no_key=True).filter(reference=event.order_id).first()
        outcome, order = _paid(event, order) if event.type == PAID else _charged_back(event, order)
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
            [PaymentEvent(event_id=event_id, type=type[:MAX_TYPE_CHARS], fingerprint=digest, outcome="ignored")],
            ignore_conflicts=True,
        )
        if bytes(PaymentEvent.objects.values_list("fingerprint", flat=True).get(event_id=event_id)) != digest:
            raise IdempotencyKeyReused
    return Receipt("ignored")


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


def _paid(event: ProviderEvent, order: Order | None) -> tuple[str, Order]:
    if order is not None:
        if _terms(event) != _terms_of(order):
            raise IdempotencyKeyReused
        return "credited", order
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
    return "credited", order


def _charged_back(event: ProviderEvent, order: Order | None) -> tuple[str, Order]:
    if order is None:
        raise NotFound
    if _terms(event) != _terms_of(order):
        raise ValidationFailed(orderId=["The order has another user, package or amount."])
    if order.status == OrderStatus.CHARGED_BACK:
        return "charged_back", order
    (result,) = chargeback_many([Reversal(order.deposit_id, reason="chargeback")])
    if result.code == "INVALID_TRANSITION":
        return "reversed_before", order
    if result.code is not None:
        raise refusal(result.code)
    order.status, order.chargeback_id, order.charged_back_at = OrderStatus.CHARGED_BACK, result.operation_id, CoreNow()
    order.save(update_fields=["status", "chargeback", "charged_back_at"])
    _emit(event, "wallet.tokens.charged_back", {"tokens": event.amount, "owed": result.owed})
    return "charged_back", order


def _terms(event: ProviderEvent) -> tuple[Any, ...]:
    return event.user_id, event.package_id, event.amount


def _terms_of(order: Order) -> tuple[Any, ...]:
    return order.user_id, order.package_id, order.tokens


def _emit(event: ProviderEvent, key: str, variables: dict[str, Any]) -> None:
    live.services.emit([live.services.Event(key, variables, recipient_id=event.user_id)])


def _record(event: ProviderEvent, outcome: str, order: Order) -> None:
    try:
        PaymentEvent.objects.create(
            event_id=event.event_id, type=event.type, fingerprint=event.digest, outcome=outcome, order=order
        )
    except IntegrityError as error:  # the same event id, concurrently for another order
        raise IdempotencyKeyReused from error
