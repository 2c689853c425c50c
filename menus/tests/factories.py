"""Performers, editors and menus, made by the services."""

from typing import Any
from uuid import uuid4

from accounts.models import Role, User
from core.batches import Command, KeyedRequest, run_alone
from core.context import request_id
from menus import services
from menus.models import Menu, MenuItem
from perfqueue.services import ItemFacts
from tests import world


def person(name: str, role: Role, **money: int) -> User:
    return world.performer(name) if role == Role.PERFORMER else world.person(name, role=role, **money)


def menu_of(owner: User | None, title: str = "On stage", **fields: Any) -> Menu:
    actor = owner or User(role=Role.ADMIN)
    draft = services.MenuDraft(title=title, owner_id=owner.pk if owner else None, **fields)
    return services.create_menu(actor=actor, draft=draft)


def item_in(menu: Menu, title: str = "A song", price: int | None = 40, **fields: Any) -> MenuItem:
    fields.setdefault("duration_s", 120)
    draft = services.ItemDraft(title=title, price_tokens=price, **fields)
    return services.create_item(actor=User(role=Role.ADMIN), menu_id=menu.pk, draft=draft)


def bought(buyer: User, item: MenuItem, **given: Any) -> ItemFacts:
    """Buy an item at its price, as the endpoint does; the item in the queue."""
    found: list[services.PurchaseResult] = []
    order = services.Order(item_id=item.pk, **{"expected_price": item.price_tokens or 0} | given)
    request = KeyedRequest(
        caller_id=buyer.pk,
        claims=None,
        key=str(uuid4()),
        fingerprint=b"",
        request_id=request_id(),
        origin=world.ORIGIN,
        input=order,
    )
    run_alone(Command(batch=services.PurchaseBatch, render=found.append), request)
    return found[-1].intake.item


def titles(menu: Menu, parent: MenuItem | None = None) -> list[str]:
    """The titles under one parent in their order; fails unless the places are 1, 2, 3 …"""
    items = list(MenuItem.objects.filter(menu=menu, parent=parent).order_by("position"))
    assert [item.position for item in items] == list(range(1, len(items) + 1))
    return [item.title for item in items]
