"""The services of menus."""

from menus.services.buying import Order, PurchaseBatch, PurchaseResult, gate_of, notes_of, owner_of
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
from menus.services.offers import Offer, ShownMenu, look, lowest_prices, menus, menus_of, version_of
from menus.services.own_data import erase_notes, own_data

__all__ = [
    "EDITOR_ROLES",
    "ItemDraft",
    "MenuDraft",
    "Offer",
    "Order",
    "PurchaseBatch",
    "PurchaseResult",
    "ShownMenu",
    "check_item",
    "create_item",
    "create_menu",
    "delete_items",
    "delete_menu",
    "erase_notes",
    "gate_of",
    "look",
    "lowest_prices",
    "menus",
    "menus_of",
    "notes_of",
    "own_data",
    "owner_of",
    "update_item",
    "update_menu",
    "version_of",
]
