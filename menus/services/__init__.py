"""The services of menus."""

from menus.services.buying import PurchaseResult, gate_of, notes_of, owner_of, purchase
from menus.services.editing import (
    EDITOR_ROLES,
    ItemDraft,
    MenuDraft,
    check_item,
    create_item,
    create_menu,
    delete_items,
    delete_menu,
    update_item,
    update_menu,
)
from menus.services.offers import Offer, lowest_prices, menus, menus_of

__all__ = [
    "EDITOR_ROLES",
    "ItemDraft",
    "MenuDraft",
    "Offer",
    "PurchaseResult",
    "check_item",
    "create_item",
    "create_menu",
    "delete_items",
    "delete_menu",
    "gate_of",
    "lowest_prices",
    "menus",
    "menus_of",
    "notes_of",
    "owner_of",
    "purchase",
    "update_item",
    "update_menu",
]
