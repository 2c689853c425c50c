"""Buying an item: what is on offer, the gates, the hold, the queue; for a list of buyers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import accounts.services
import compliance.services
import escrow.services
import perfqueue.services
from accounts.models import Role
from accounts.services import Caller
from compliance.services import Standing
from core.batches import Batch, KeyedRequest, Later, Row, Statement
from core.db import array
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
# LIMIT keeps a look-up by key for each buyer, whatever the statistics were when the statement was planned.
BUYERS = """
SELECT a.place, m.owner_id AS performer_id, a.buyer_id
  FROM unnest(%(items)s::uuid[], %(buyers)s::uuid[]) WITH ORDINALITY AS a (item_id, buyer_id, place)
 CROSS JOIN LATERAL (SELECT o.menu_id FROM menus_menuitem o WHERE o.id = a.item_id LIMIT 1) AS i
 CROSS JOIN LATERAL (SELECT o.owner_id FROM menus_menu o WHERE o.id = i.menu_id LIMIT 1) AS m
"""
ABOVE = [f"above{level}" for level in range(1, MAX_DEPTH)]
LOCK_ITEMS = """
SELECT i.id FROM menus_menuitem i WHERE i.id = ANY (%(items)s::uuid[]) ORDER BY i.id FOR NO KEY UPDATE
"""
READ_ITEMS = f"""
SELECT i.id, i.title, i.description, i.duration_s, i.price_tokens, i.type,
       m.active AND i.active {"".join(f" AND coalesce({each}.active, true)" for each in ABOVE)},
       m.owner_id, coalesce(o.is_active AND o.role = 'performer', true)
  FROM menus_menuitem i
  JOIN menus_menu m ON m.id = i.menu_id
  LEFT JOIN accounts_user o ON o.id = m.owner_id
  {
    "".join(
        f" LEFT JOIN menus_menuitem {each} ON {each}.id = {below}.parent_id"
        for below, each in zip(["i", *ABOVE], ABOVE, strict=False)
    )
}
 WHERE i.id = ANY (%(items)s::uuid[])
"""  # noqa: S608  composed of constants
STORE = """
INSERT INTO menus_purchase (id, buyer_id, item_id, performer_id, price_tokens, hold_id, queue_item_id, note, at)
SELECT n.*, core_now()
  FROM unnest(%(ids)s::uuid[], %(buyers)s::uuid[], %(items)s::uuid[], %(performers)s::uuid[], %(prices)s::bigint[],
              %(holds)s::uuid[], %(queue_items)s::uuid[], %(notes)s::text[]) AS n
"""


@dataclass(frozen=True)
class PurchaseResult:
    """A purchase, its item in the performer's queue, and that item as its buyer sees it."""

    purchase_id: UUID
    intake: perfqueue.services.IntakeResult
    item: perfqueue.services.ItemView
    status: str = "queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a buyer sends. `expected_price` and `amount` are whole tokens; `amount` is for items with a free amount."""

    item_id: UUID
    expected_price: int
    amount: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SoldItem:
    """A locked menu item. `is_shown`: it, its ancestors and its menu are active."""

    id: UUID
    title: str
    description: str
    duration_s: int | None
    price_tokens: int | None
    type: str
    is_shown: bool
    owner_id: UUID | None
    owner_performs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurchase:
    """A purchase that is not stored yet: a row of `menus_purchase` without its queue item."""

    id: UUID
    buyer_id: UUID
    item_id: UUID
    performer_id: UUID
    price_tokens: int
    hold_id: UUID
    note: str


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


class PurchaseBatch(Batch[Order]):
    """Hold the price of performance items and put them into their performers' queues.

    Locks the menu items, the performers' queues, the buyers' wallets. A queue item gets its own copy of title and
    price.

    Raises:
        RoleNotAllowed, Forbidden (her own item), NotFound, ValidationFailed, ItemUnavailable, PriceChanged, the
        refusals of compliance, escrow and the queue, in this order.
    """

    operation = "menus.purchase"

    def __init__(self, requests: Sequence[KeyedRequest[Order]], *, wait: bool) -> None:
        super().__init__(requests, wait=wait)
        self._buyers = [request.caller_id for request in requests]
        params = {"items": array([request.input.item_id for request in requests]), "buyers": array(self._buyers)}
        self._params = params
        self._queues = perfqueue.services.Joining(perfqueue.services.Asked(BUYERS, params), wait=wait)
        self._items: dict[UUID, SoldItem] = {}
        self._wallets: dict[UUID, escrow.services.LockedWallet] = {}
        self._standings: Sequence[Standing | None] = ()
        self._bought: list[tuple[NewPurchase, UUID, escrow.services.Opening]] = []

    def load(self) -> Sequence[Statement]:
        """Lock everything, then read: also the time, so that no entry is older than what its wallet waited for."""
        currency = escrow.services.Currency.TOKEN
        lock_queues, read_queues = self._queues.statements()
        return [
            Statement(LOCK_ITEMS if self.wait else f"{LOCK_ITEMS} SKIP LOCKED", self._params),
            lock_queues,
            escrow.services.lock_wallets(Statement, self._buyers, currency=currency, wait=self.wait),
            Statement(READ_ITEMS, self._params),  # their menus and ancestors, too, as an edit left them
            read_queues,
            compliance.services.standing_of(
                [(request.caller_id, request.origin.region) for request in self.requests],
                currency=currency,
                amounts=[request.input.expected_price for request in self.requests],
            ),
        ]

    def take(self, found: Sequence[Sequence[Row]]) -> None:
        locked_items, locked_queues, wallets, items, read_queues, standings = found
        locked = {row[0] for row in locked_items}
        self._items = {row[0]: SoldItem(*row) for row in items if row[0] in locked}
        self._queues.take(locked_queues, read_queues)
        self._wallets = {row[1]: escrow.services.LockedWallet(*row) for row in wallets}
        self._standings = compliance.services.standings(standings)

    def admit(self, place: int) -> None:
        standing = self._standings[place]
        accounts.services.admitted(standing and standing.caller, self.requests[place].claims)

    def decide(self, place: int) -> PurchaseResult:
        request = self.requests[place]
        standing = self._standings[place]
        if standing is None:
            raise AssertionError("nobody is admitted without an account")
        buyer = standing.caller
        item = self._offered(request, buyer)
        price = _price(item, request.input)
        compliance.services.check(standing, feature=FEATURE)
        if item.owner_id is None:  # unreachable: a CHECK of the database
            raise ItemUnavailable
        queue = self._queues.at(place + 1)
        wallet = self._wallets.get(buyer.id)
        if wallet is None and not self.wait:
            raise Later
        compliance.services.check_spending(standing, price, currency=escrow.services.Currency.TOKEN)
        wallet = escrow.services.assert_payable(wallet, price, currency=escrow.services.Currency.TOKEN)
        row = NewPurchase(
            id=new_id(),
            buyer_id=buyer.id,
            item_id=item.id,
            performer_id=item.owner_id,
            price_tokens=price,
            hold_id=new_id(),
            note=request.input.note,
        )
        intake, view = self._queues.join(queue, _intake(row, item), request=request)
        opening = escrow.services.Opening(wallet=wallet, hold=_hold_request(row), request_id=request.request_id)
        self._bought.append((row, intake.item.id, opening))
        return PurchaseResult(row.id, intake, view)

    def store(self) -> Sequence[Statement]:
        return [
            escrow.services.open_holds(_ledgers, [opening for *_, opening in self._bought], at=self._queues.now),
            *self._queues.store(),
            _storing([(row, queue_item_id) for row, queue_item_id, _ in self._bought]),
        ]

    def _offered(self, request: KeyedRequest[Order], buyer: Caller) -> SoldItem:
        """Return the item if this person may see and buy it."""
        item = self._items.get(request.input.item_id)
        if item is None and not self.wait:
            raise Later  # locked, or there is none
        if buyer.role not in (Role.USER, Role.PERFORMER):
            raise RoleNotAllowed
        if item is not None and item.owner_id == buyer.id:
            raise Forbidden
        if buyer.role != Role.USER:
            raise RoleNotAllowed
        if item is None or not item.owner_performs:
            raise NotFound
        return item


def _price(item: SoldItem, order: Order) -> int:
    """Return the item's price after checking that it is offered at the price that the buyer was shown."""
    if order.amount is not None:
        raise ValidationFailed(amount=["This item has a fixed price."])
    if not item.is_shown or reason_against(item) is not None or item.price_tokens is None:
        raise ItemUnavailable
    if item.price_tokens != order.expected_price:
        raise PriceChanged(price=item.price_tokens, expectedPrice=order.expected_price)
    return item.price_tokens


def _hold_request(row: NewPurchase) -> escrow.services.HoldRequest:
    return escrow.services.HoldRequest(
        hold_id=row.hold_id,
        key=str(row.id),
        payer_id=row.buyer_id,
        payee=escrow.services.Payee(user_id=row.performer_id),
        currency=escrow.services.Currency.TOKEN,
        amount=row.price_tokens,
        feature=FEATURE,
        source_event_id=str(row.id),
        actor_id=row.buyer_id,
    )


def _intake(row: NewPurchase, item: SoldItem) -> perfqueue.services.Intake:
    return perfqueue.services.Intake(
        idempotency_key=str(row.id),
        source_feature=FEATURE,
        source_event_id=str(row.id),
        performer_id=row.performer_id,
        user_id=row.buyer_id,
        hold_id=row.hold_id,
        tokens=row.price_tokens,
        currency=escrow.services.Currency.TOKEN,
        title=item.title,
        description=item.description,
        duration_s=item.duration_s,
        metadata={"menuItemId": str(item.id)},
    )


def _ledgers(sql: str, params: list[Any]) -> Statement:
    return Statement(sql, params, through=escrow.services.guarded)


def _storing(bought: Sequence[tuple[NewPurchase, UUID]]) -> Statement:
    rows = [row for row, _ in bought]
    params = {
        "ids": array([row.id for row in rows]),
        "buyers": array([row.buyer_id for row in rows]),
        "items": array([row.item_id for row in rows]),
        "performers": array([row.performer_id for row in rows]),
        "prices": array([row.price_tokens for row in rows]),
        "holds": array([row.hold_id for row in rows]),
        "queue_items": array([queue_item_id for _, queue_item_id in bought]),
        "notes": array([row.note for row in rows]),
    }
    return Statement(STORE, params, rows=len(rows))
