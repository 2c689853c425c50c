"""A menu's revision counts up with whatever changes what is read of the menu."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts.models import Role, User
from menus import services
from menus.models import Menu, MenuItem
from menus.tests.factories import item_in, menu_of
from tests.world import performer

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN = User(role=Role.ADMIN)


def revision(menu: Menu) -> int:
    return Menu.objects.values_list("revision", flat=True).get(pk=menu.pk)


def test_every_edit_is_a_new_revision() -> None:
    menu = menu_of(performer())
    first, second = item_in(menu, "First"), item_in(menu, "Second")
    edits: list[Callable[[], object]] = [
        lambda: services.update_menu(actor=ADMIN, menu_id=menu.pk, draft=services.MenuDraft(title="Later")),
        lambda: item_in(menu, "Third"),
        lambda: services.update_item(
            actor=ADMIN, item_id=first.pk, draft=services.ItemDraft(title="First", price_tokens=41)
        ),
        lambda: services.delete_items(actor=ADMIN, menu_id=menu.pk, item_ids=[second.pk]),
    ]

    for number, edit in enumerate(edits):
        before = revision(menu)
        edit()
        assert revision(menu) == before + 1, number


@pytest.mark.parametrize("change", ["UPDATE menus_menuitem SET price_tokens = 9", "DELETE FROM menus_menuitem"])
def test_an_item_changed_without_its_menu_is_a_new_revision(change: str) -> None:
    menu = menu_of(performer())
    item_in(menu)
    before = revision(menu)

    with connection.cursor() as cursor:
        cursor.execute(change)

    assert revision(menu) == before + 1


def test_an_item_that_moves_is_a_new_revision_of_both_menus() -> None:
    menu, other = menu_of(performer()), menu_of(performer())
    item = item_in(menu)
    before = revision(menu), revision(other)

    MenuItem.objects.filter(pk=item.pk).update(menu=other)

    assert (revision(menu), revision(other)) == (before[0] + 1, before[1] + 1)


def test_what_rolled_back_and_what_concerns_another_menu_is_no_new_revision() -> None:
    menu, other = menu_of(performer()), menu_of(performer())
    before = revision(menu)

    item_in(other)
    with transaction.atomic():
        item_in(menu)
        transaction.set_rollback(True)

    assert revision(menu) == before
