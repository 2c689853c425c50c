"""Buying an item: eligibility, hold, intake."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import compliance.services
import escrow.services
import perfqueue.services
from accounts.models import Role, User
from core.db import joined
from core.errors import Forbidden, NotFound, RoleNotAllowed, ValidationFailed
from core.ids import new_id
from menus.errors import ItemUnavailable, PriceChanged
from menus.models import MenuItem, Purchase
from menus.services.offers import reason_against
from menus.services.tree import MAX_DEPTH

FEATURE = "menus"
OWNER = """
SELECT m.owner_id AS performer_id FROM menus_menuitem i JOIN menus_menu m ON m.id = i.menu_id WHERE i.id = %s
"""
ANCESTORS = "__".join(["parent"] * (MAX_DEPTH - 1))


@dataclass(frozen=True)
class PurchaseResult:
    """A purchase and its item in the performer's queue."""

    purchase_id: UUID
    intake: perfqueue.services.IntakeResult
    status: str = "queued"


def gate_of(item_id: UUID) -> perfqueue.services.Gate:
    """Return the gate of the queue that this menu item is bought into; it reads the owner in its own statement."""
    return perfqueue.services.Gate(OWNER, [item_id])


def owner_of(item_id: UUID) -> UUID | None:
    """Return the performer of this menu item; None if there is none (one statement)."""
    return MenuItem.objects.filter(pk=item_id).values_list("menu__owner_id", flat=True).first()


def notes_of(queue_item_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the buyers' notes by queue item, of items that have one (one statement)."""
    found = Purchase.objects.filter(queue_item__in=queue_item_ids).exclude(note="")
    return {item_id: note for item_id, note in found.values_list("queue_item_id", "note") if item_id}


def purchase(
    *, buyer: User, item_id: UUID, expected_price: int, amount: int | None = None, note: str = ""
) -> PurchaseResult:
    """Hold the price of a performance item and put it into its performer's queue.

    Locks the menu item, then the performer's queue row, then the buyer's wallet. ``expected_price`` and ``amount`` are
    whole tokens; ``amount`` is for items with a free amount only. The queue item gets its own copy of title and price.

    Raises:
        NotFound, Forbidden (her own item), RoleNotAllowed, ValidationFailed, ItemUnavailable, PriceChanged, the
        refusals of compliance, escrow and the queue: nothing was written.
    """
    with joined():
        item = _locked(buyer, item_id)
        price = _price(item, expected_price, amount)
        compliance.services.check(buyer, feature=FEATURE)
        performer_id = item.menu.owner_id
        if performer_id is None:  # unreachable: a CHECK of the database
            raise ItemUnavailable
        with perfqueue.services.locked_queue(performer_id) as queue:
            return _hold_and_queue(buyer, item, queue, price, note)


def _locked(buyer: User, item_id: UUID) -> MenuItem:
    """Lock the item and read it with its menu, owner and ancestors (one statement)."""
    item = (
        MenuItem.objects.select_related("menu__owner", ANCESTORS)
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=item_id)
        .first()
    )
    if item is not None and item.menu.owner_id == buyer.pk:
        raise Forbidden
    if buyer.role != Role.USER:
        raise RoleNotAllowed
    if item is None:
        raise NotFound
    return item


def _price(item: MenuItem, expected_price: int, amount: int | None) -> int:
    """Return the item's price after checking that it is offered at the price that the buyer was shown."""
    if amount is not None:
        raise ValidationFailed(amount=["This item has a fixed price."])
    if not _shown(item) or reason_against(item) is not None or item.price_tokens is None:
        raise ItemUnavailable
    if item.price_tokens != expected_price:
        raise PriceChanged(price=item.price_tokens, expectedPrice=expected_price)
    return item.price_tokens


def _shown(item: MenuItem) -> bool:
    owner = item.menu.owner
    above: MenuItem | None = item
    shown = item.menu.active and (owner is None or (owner.is_active and owner.role == Role.PERFORMER))
    while shown and above is not None:
        shown, above = above.active, above.parent
    return shown


def _hold_and_queue(
    buyer: User, item: MenuItem, queue: perfqueue.services.LockedQueue, price: int, note: str
) -> PurchaseResult:
    row = Purchase(
        buyer=buyer, item=item, performer_id=queue.performer_id, price_tokens=price, hold_id=new_id(), note=note
    )
    escrow.services.hold(_hold_request(row))
    intake = perfqueue.services.intake(_intake(row), actor=buyer, queue=queue)
    row.queue_item_id = intake.item.id
    row.save(force_insert=True)
    return PurchaseResult(row.pk, intake)


def _hold_request(row: Purchase) -> escrow.services.HoldRequest:
    return escrow.services.HoldRequest(
        hold_id=row.hold_id,
        key=str(row.pk),
        payer_id=row.buyer_id,
        payee=escrow.services.Payee(user_id=row.performer_id),
        currency=escrow.services.Currency.TOKEN,
        amount=row.price_tokens,
        feature=FEATURE,
        source_event_id=str(row.pk),
        actor_id=row.buyer_id,
    )


def _intake(row: Purchase) -> perfqueue.services.Intake:
    item = row.item
    return perfqueue.services.Intake(
        idempotency_key=str(row.pk),
        source_feature=FEATURE,
        source_event_id=str(row.pk),
        performer_id=row.performer_id,
        user_id=row.buyer_id,
        hold_id=row.hold_id,
        tokens=row.price_tokens,
        currency=escrow.services.Currency.TOKEN,
        title=item.title,
        description=item.description,
        duration_s=item.duration_s,
        metadata={"menuItemId": str(item.pk)},
    )
