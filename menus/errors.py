"""Refusals of purchases and edits."""

from core.errors import Kind, Refused


class ItemUnavailable(Refused):
    """The item, an ancestor, its menu or its performer is inactive; or it cannot be bought."""

    kind, code = Kind.CONFLICT, "ITEM_UNAVAILABLE"
    message = "This item is not offered at the moment. Nothing was held."


class PriceChanged(Refused):
    """The buyer was shown another price."""

    kind, code = Kind.CONFLICT, "PRICE_CHANGED"
    message = "Price is now {price} tokens, it was {expectedPrice}. Nothing was held."
    example = {"price": 50, "expectedPrice": 40}


class ItemWasBought(Refused):
    """Bought items, their ancestors and their menus cannot be deleted."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "It was bought before and stays for the record. Switch it off instead."
