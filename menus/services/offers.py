"""Menus as the public sees them. Two statements, whatever their length."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, Min, OuterRef, Q, QuerySet

import accounts.services
from core import db
from core.errors import NotFound
from core.freshness import Seen
from menus.errors import ItemUnavailable
from menus.models import Menu, MenuItem, MenuType

MAX_MENUS = 100
LOOK = f"""
SELECT core_now() AS now,
       ARRAY(SELECT m.id::text || ' ' || m.revision FROM menus_menu m
              WHERE m.owner_id = u.id AND m.active ORDER BY m.id LIMIT {MAX_MENUS}) AS version
  FROM accounts_user u WHERE u.id = %s AND u.role = 'performer' AND u.is_active
"""  # noqa: S608  a constant


@dataclass(frozen=True, slots=True)
class Offer:
    """A shown item. ``reason`` is the code that a purchase would be refused with; None while it is available."""

    id: UUID
    title: str
    description: str
    section: str
    position: int
    price_tokens: int | None
    duration_s: int | None
    reason: str | None
    children: tuple["Offer", ...]

    @property
    def available(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True)
class ShownMenu:
    """A shown menu with its root items in order. `revision`: as the menu's row had it before the items were read."""

    id: UUID
    revision: int
    type: str
    title: str
    section: str
    offers: tuple[Offer, ...]


def menus_of(performer_id: UUID) -> list[ShownMenu]:
    """Return a performer's active menus, oldest first. Raises NotFound if there is no such performer."""
    if not accounts.services.is_performer(performer_id):
        raise NotFound
    return _shown(Menu.objects.filter(owner=performer_id, active=True), Q())


def look(performer_id: UUID) -> Seen:
    """Return the version of what `menus_of` returns (one statement). Raises NotFound if there is no such performer."""
    row = db.glance(LOOK, [performer_id])
    return Seen(tuple(row["version"]), row["now"])


def version_of(shown: Sequence[ShownMenu]) -> tuple[str, ...]:
    """Return the version of shown menus: which they are, each with its revision."""
    return tuple(f"{menu.id} {menu.revision}" for menu in shown)


def menus(*, section: str = "", search: str = "") -> list[ShownMenu]:
    """Return the active menus of the platform and of all performers, the platform's first, 100 at most.

    ``section`` keeps items whose own or whose menu's section is this one, ``search`` those whose title contains it;
    both ignore case. Ancestors of a kept item are kept.
    """
    kept = Q()
    if section:
        kept &= Q(section__iexact=section) | Q(menu__section__iexact=section)
    if search:
        kept &= Q(title__icontains=search)
    found = Menu.objects.filter(active=True).exclude(owner__is_active=False)
    if kept:
        found = found.filter(Exists(MenuItem.objects.filter(kept, menu=OuterRef("pk"), active=True)))
    return _shown(found, kept)


def lowest_prices(performer_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return what each performer's cheapest active performance costs, in tokens (one statement)."""
    found = (
        MenuItem.objects.filter(
            menu__owner__in=performer_ids,
            menu__active=True,
            active=True,
            type=MenuType.PERFORMANCE,
            price_tokens__isnull=False,
        )
        .values("menu__owner")
        .annotate(lowest=Min("price_tokens"))
    )
    return dict(found.values_list("menu__owner", "lowest"))


def _shown(found: QuerySet[Menu], kept: Q) -> list[ShownMenu]:
    shown = list(found.order_by(F("owner").asc(nulls_first=True), "pk")[:MAX_MENUS])
    items: defaultdict[UUID, list[MenuItem]] = defaultdict(list)
    matches = ExpressionWrapper(kept or Q(pk__isnull=False), BooleanField())
    for item in (
        MenuItem.objects.filter(menu__in=[menu.pk for menu in shown], active=True)
        .annotate(kept=matches)
        .order_by("position", "pk")
    ):
        items[item.menu_id].append(item)
    return [
        ShownMenu(menu.pk, menu.revision, menu.type, menu.title, menu.section, _offers(items[menu.pk]))
        for menu in shown
    ]


def _offers(items: list[MenuItem]) -> tuple[Offer, ...]:
    """Build the tree from the roots down: what lies under a hidden item is not reached."""
    children: defaultdict[UUID | None, list[MenuItem]] = defaultdict(list)
    for item in items:
        children[item.parent_id].append(item)

    def under(parent_id: UUID | None) -> tuple[Offer, ...]:
        found = [(item, under(item.pk)) for item in children[parent_id]]
        return tuple(_offer(item, below) for item, below in found if below or item.kept)  # type: ignore[attr-defined]

    return under(None)


def _offer(item: MenuItem, children: tuple[Offer, ...]) -> Offer:
    return Offer(
        id=item.pk,
        title=item.title,
        description=item.description,
        section=item.section,
        position=item.position,
        price_tokens=item.price_tokens,
        duration_s=item.duration_s,
        reason=reason_against(item),
        children=children,
    )


class Priced(Protocol):
    """What decides whether an item can be bought."""

    @property
    def type(self) -> str: ...
    @property
    def price_tokens(self) -> int | None: ...


def reason_against(item: Priced) -> str | None:
    """Return the code that buying this shown item is refused with, None when it can be bought."""
    sold = item.type == MenuType.PERFORMANCE and item.price_tokens is not None
    return None if sold else ItemUnavailable.code
