"""Editing menus, for the back office and the API.

Every command locks the menu row (one editor at a time), then the menu's items by id, and writes one event. A purchase
locks only its item: an edit waits for it. Queued items keep their own copy of title and price.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from accounts.models import Role, User
from core.db import first_or_not_found, joined
from core.errors import Forbidden, NotFound, RoleNotAllowed, ValidationFailed
from live.services import Event, emit_once
from menus.errors import ItemWasBought
from menus.models import Menu, MenuItem, MenuType
from menus.services.tree import MAX_DEPTH, MAX_ITEMS, Tree, number

EDITOR_ROLES: frozenset[str] = frozenset({Role.PERFORMER, Role.ADMIN})
FIELD_NAMES = {"price_tokens": "price", "duration_s": "durationSeconds", "parent_id": "parentId"}


@dataclass(frozen=True, kw_only=True)
class MenuDraft:
    """The editable values of a menu. Owner and type are set when it is created."""

    title: str
    section: str = ""
    active: bool = True
    type: str = MenuType.PERFORMANCE
    owner_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ItemDraft:
    """The editable values of an item. Without a position a new item comes last and an existing one stays."""

    title: str
    parent_id: UUID | None = None
    position: int | None = None
    section: str = ""
    description: str = ""
    active: bool = True
    price_tokens: int | None = None
    duration_s: int | None = None


def create_menu(*, actor: User, draft: MenuDraft) -> Menu:
    """Create an empty menu for a performer, or for the platform if it has no owner.

    Raises:
        RoleNotAllowed, Forbidden (for another owner), ValidationFailed: nothing was written.
    """
    if actor.role not in EDITOR_ROLES:
        raise RoleNotAllowed
    if actor.role == Role.PERFORMER and draft.owner_id != actor.pk:
        raise Forbidden
    if draft.owner_id is None and draft.type == MenuType.PERFORMANCE:
        raise ValidationFailed(ownerId=["A performance menu belongs to a performer."])
    menu = Menu(owner_id=draft.owner_id, type=draft.type, title=draft.title, section=draft.section, active=draft.active)
    _clean(menu, exclude={"owner", "created_at"})
    with joined():
        if draft.owner_id and not User.objects.filter(pk=draft.owner_id, role=Role.PERFORMER).exists():
            raise ValidationFailed(ownerId=["There is no such performer."])
        menu.save(force_insert=True)
        _emit_changed(menu)
    return menu


def update_menu(*, actor: User, menu_id: UUID, draft: MenuDraft) -> Menu:
    """Change a menu's title, section and whether it is active. Locks the menu.

    Raises:
        RoleNotAllowed, NotFound, ValidationFailed: nothing was written.
    """
    with joined():
        menu = _locked(actor, menu_id)
        menu.title, menu.section, menu.active = draft.title, draft.section, draft.active
        _clean(menu, exclude={"owner", "type", "created_at"})
        menu.save(update_fields=["title", "section", "active"])
        _emit_changed(menu)
    return menu


def delete_menu(*, actor: User, menu_id: UUID) -> None:
    """Delete a menu without purchases. Locks the menu.

    Raises:
        RoleNotAllowed, NotFound, ItemWasBought: nothing was written.
    """
    with joined():
        menu = _locked(actor, menu_id)
        try:
            menu.delete()
        except ProtectedError as error:
            raise ItemWasBought from error
        _emit_changed(Menu(pk=menu_id, owner_id=menu.owner_id))


def create_item(*, actor: User, menu_id: UUID, draft: ItemDraft) -> MenuItem:
    """Insert an item at its position; later siblings move down. Locks the menu and its items.

    Raises:
        RoleNotAllowed, NotFound, ValidationFailed: nothing was written.
    """
    with _edited(actor, menu_id) as (menu, tree):
        if len(tree.items) >= MAX_ITEMS:
            raise ValidationFailed(menu=[f"A menu has {MAX_ITEMS} items at most."])
        item = MenuItem(menu=menu, type=menu.type)
        _fill(item, draft, tree)
        tree.place(item, draft.position)
        item.save(force_insert=True)
    return item


def update_item(*, actor: User, item_id: UUID, draft: ItemDraft) -> MenuItem:
    """Change an item to the draft; move it with its descendants if its parent or position differs.

    Queued items keep the old price. Locks the menu and its items.

    Raises:
        RoleNotAllowed, NotFound, ValidationFailed: nothing was written.
    """
    with _edited(actor, menu_of(item_id)) as (_, tree):
        if item_id not in tree.items:
            raise NotFound
        item = tree.items[item_id]
        old_parent = item.parent_id
        position = draft.position
        if position is None and old_parent == draft.parent_id:
            position = item.position
        _fill(item, draft, tree)
        tree.place(item, position)
        if old_parent != item.parent_id:
            number(tree.siblings(old_parent))
        item.save()
    return item


def delete_items(*, actor: User, menu_id: UUID, item_ids: Collection[UUID]) -> None:
    """Delete items without purchases, with their descendants; later siblings move up. Locks the menu and its items.

    Raises:
        RoleNotAllowed, NotFound, ItemWasBought: nothing was written.
    """
    with _edited(actor, menu_id) as (_, tree):
        if not set(item_ids) <= set(tree.items):
            raise NotFound
        for item_id in item_ids:
            tree.remove(item_id)
        try:
            MenuItem.objects.filter(pk__in=item_ids).delete()
        except ProtectedError as error:
            raise ItemWasBought from error


def reorder_items(*, actor: User, menu_id: UUID, parent_id: UUID | None, order: Sequence[UUID]) -> None:
    """Reorder the children of one parent; `order` names each of them once. Locks the menu and its items.

    Raises:
        RoleNotAllowed, NotFound, ValidationFailed: nothing was written.
    """
    with _edited(actor, menu_id) as (_, tree):
        siblings = {item.pk: item for item in tree.siblings(parent_id)}
        if len(order) != len(siblings) or set(order) != set(siblings):
            raise ValidationFailed(order=["Name every item under this parent once, and no other."])
        number(siblings[item_id] for item_id in order)


def check_item(*, menu: Menu, draft: ItemDraft, item_id: UUID | None = None) -> None:
    """Check a draft without locking or writing, for forms that show all faults at once.

    Raises:
        ValidationFailed: details name each field.
    """
    item = MenuItem(menu=menu, type=menu.type, **({} if item_id is None else {"pk": item_id}))
    _fill(item, draft, Tree(MenuItem.objects.filter(menu=menu)))


def menu_of(item_id: UUID) -> UUID:
    """Return the menu an item belongs to, which never changes. Raises NotFound if there is no such item."""
    return first_or_not_found(MenuItem.objects.filter(pk=item_id).values_list("menu_id", flat=True))


def _locked(actor: User, menu_id: UUID) -> Menu:
    if actor.role not in EDITOR_ROLES:
        raise RoleNotAllowed
    menu = Menu.objects.select_for_update(no_key=True).filter(pk=menu_id).first()
    if menu is None or (actor.role == Role.PERFORMER and menu.owner_id != actor.pk):
        raise NotFound
    return menu


@contextmanager
def _edited(actor: User, menu_id: UUID) -> Iterator[tuple[Menu, Tree]]:
    """Lock a menu and its items, run the block, then store every changed position (one statement)."""
    with joined():
        menu = _locked(actor, menu_id)
        tree = Tree(MenuItem.objects.select_for_update(no_key=True).filter(menu=menu).order_by("pk"))
        before = {item.pk: item.position for item in tree.items.values()}
        yield menu, tree
        moved = [item for item in tree.items.values() if before.get(item.pk, item.position) != item.position]
        MenuItem.objects.bulk_update(moved, ["position"])
        _emit_changed(menu)


def _fill(item: MenuItem, draft: ItemDraft, tree: Tree) -> None:
    """Copy the draft into the item after checking it against its type and the tree."""
    faults = _faults(item, draft, tree)
    item.parent_id = draft.parent_id
    item.title, item.section, item.description = draft.title, draft.section, draft.description
    item.active, item.price_tokens, item.duration_s = draft.active, draft.price_tokens, draft.duration_s
    _clean(item, exclude={"menu", "parent", "type", "position"}, faults=faults)


def _faults(item: MenuItem, draft: ItemDraft, tree: Tree) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    if draft.parent_id is not None:
        known = item.pk in tree.items
        if draft.parent_id not in tree.items:
            faults["parentId"] = ["The parent is an item of the same menu."]
        elif draft.parent_id == item.pk or (known and draft.parent_id in tree.below(item.pk)):
            faults["parentId"] = ["An item cannot lie under itself."]
        elif tree.depth(draft.parent_id) + (tree.height(item.pk) if known else 1) > MAX_DEPTH:
            faults["parentId"] = [f"A menu has {MAX_DEPTH} levels at most."]
    if draft.position is not None and draft.position < 1:
        faults["position"] = ["Places count from 1."]
    if item.type == MenuType.NAVIGATION and draft.price_tokens is not None:
        faults["price"] = ["A navigation item has no price."]
    if item.type != MenuType.PERFORMANCE and draft.duration_s is not None:
        faults["durationSeconds"] = ["Only a performance has a length."]
    return faults


def _clean(row: Menu | MenuItem, *, exclude: set[str], faults: dict[str, list[str]] | None = None) -> None:
    """Run the model's validators and raise all faults together."""
    found: dict[str, Any] = dict(faults or {})
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as error:
        found |= {FIELD_NAMES.get(field, field): faults for field, faults in error.message_dict.items()}
    if found:
        raise ValidationFailed(**found)


def _emit_changed(menu: Menu) -> None:
    """Emit one event per transaction for the performer's room; the platform's menus belong to no room.

    The back office saves a menu and its items by several calls in one transaction.
    """
    if menu.owner_id is not None:
        emit_once(Event("menu.changed", {"menuId": menu.pk}, room_id=menu.owner_id))
