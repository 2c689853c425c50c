"""The purchase of an item as a batched endpoint. The ordinary one, for what is not plain, is in `menus/api.py`."""

import re
from typing import Any
from uuid import UUID

from core.batches import BatchedEndpoint, Command
from core.fields import MAX_AMOUNT, UUID_PATTERN
from menus import shapes
from menus.services import Order, PurchaseBatch

MAX_NOTE_CHARS = 200
FIELDS = frozenset(("expectedPrice", "note"))
PURCHASE = Command(batch=PurchaseBatch, render=shapes.PurchaseOut().to_representation, status=201)


def plain(body: dict[str, Any], address: re.Match[str]) -> Order | None:
    """Return the order of a body that the ordinary endpoint accepts as it is; None for any other."""
    price, note = body.get("expectedPrice"), body.get("note", "")
    if not FIELDS.issuperset(body) or type(price) is not int or not 1 <= price <= MAX_AMOUNT:
        return None
    if type(note) is not str or len(note) > MAX_NOTE_CHARS or not note.isprintable() or note != note.strip():
        return None
    return Order(item_id=UUID(address["item"]), expected_price=price, note=note)


PURCHASES = BatchedEndpoint(
    path=re.compile(rf"\A/api/v1/menus/items/(?P<item>{UUID_PATTERN})/purchase\Z"), command=PURCHASE, plain=plain
)
