"""Why a purchase or an edit was refused."""

from core.errors import Kind, Refused


class ItemUnavailable(Refused):
    """The item, something it lies under, its menu or its performer is switched off; or it is not sold this way."""

    kind, code = Kind.CONFLICT, "ITEM_UNAVAILABLE"
    message = "This item is not offered at the moment. Nothing was held."


class PriceChanged(Refused):
    """The buyer was shown another price."""

    kind, code = Kind.CONFLICT, "PRICE_CHANGED"
    message = "Price is now {price} tokens, it was {expectedPrice}. Nothing was held."


class ItemWasBought(Refused):
    """Bought items and what holds them stay for the record."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "It was bought before and stays for the record. Switch it off instead."
