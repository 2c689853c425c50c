"""What the menus hold about a person."""

from collections.abc import Iterator
from uuid import UUID

from core.db import joined
from core.own_data import Section, section
from menus.models import Menu, Purchase


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's purchases with their notes, and a performer's menus."""
    yield section("purchases", Purchase.objects.filter(buyer_id=user_id), of="buyer")
    yield section("menus", Menu.objects.filter(owner_id=user_id), of="owner")


def erase_notes(user_id: UUID) -> None:
    """Blank the notes of a person's purchases."""
    with joined():
        Purchase.objects.filter(buyer_id=user_id).exclude(note="").update(note="")
