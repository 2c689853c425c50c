"""What other apps and menus' own endpoints may call."""

from menus.errors import ItemWasBought
from menus.services.buying import PurchaseResult, notes_of, overdue_queue_of, purchase
from menus.services.editing import (
    EDITORS,
    ItemDraft,
    MenuDraft,
    check_item,
    create_item,
    create_menu,
    delete_items,
    delete_menu,
    reorder_items,
    update_item,
    update_menu,
)
from menus.services.offers import Offer, ShownMenu, lowest_prices, menus, menus_of

__all__ = [
    "EDITORS",
    "ItemDraft",
    "ItemWasBought",
    "MenuDraft",
    "Offer",
    "PurchaseResult",
    "ShownMenu",
    "check_item",
    "create_item",
    "create_menu",
    "delete_items",
    "delete_menu",
    "lowest_prices",
    "menus",
    "menus_of",
    "notes_of",
    "overdue_queue_of",
    "purchase",
    "reorder_items",
    "update_item",
    "update_menu",
]
