"""Editing menus: order, tree, ownership, and what the database refuses by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role, User
from core.errors import DomainError, Forbidden, NotFound, RoleNotAllowed, ValidationFailed
from menus import services
from menus.models import Menu, MenuItem, MenuType
from menus.services import ItemDraft, MenuDraft
from menus.services.editing import reorder_items
from menus.services.tree import MAX_DEPTH, MAX_ITEMS
from menus.tests.factories import item_in, menu_of, person, titles

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ruby() -> User:
    return person("ruby", Role.PERFORMER)


@pytest.fixture
def jade() -> User:
    return person("jade", Role.PERFORMER)


def draft_of(item: MenuItem, **changes: Any) -> ItemDraft:
    fields = {
        "title": item.title,
        "parent_id": item.parent_id,
        "price_tokens": item.price_tokens,
        "duration_s": item.duration_s,
    }
    return ItemDraft(**(fields | changes))


def test_a_new_item_comes_last_or_pushes_the_others_down(ruby: User) -> None:
    menu = menu_of(ruby)

    for title, position in [("b", None), ("d", None), ("a", 1), ("c", 3), ("e", 99)]:
        item_in(menu, title, position=position)

    assert titles(menu) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("moved", "to", "expected"),
    [("a", 3, "bcad"), ("d", 1, "dabc"), ("b", 2, "abcd"), ("b", None, "abcd"), ("a", 99, "bcda")],
)
def test_moving_an_item_shifts_its_siblings(ruby: User, moved: str, to: int | None, expected: str) -> None:
    menu = menu_of(ruby)
    items = {title: item_in(menu, title) for title in "abcd"}

    services.update_item(actor=ruby, item_id=items[moved].pk, draft=draft_of(items[moved], position=to))

    assert titles(menu) == list(expected)


def test_an_item_moves_with_all_below_it_and_the_gap_closes(ruby: User) -> None:
    menu = menu_of(ruby)
    songs, dances, last = (item_in(menu, title, None) for title in ("Songs", "Dances", "Last"))
    ballad = item_in(menu, "Ballad", parent_id=songs.pk)
    item_in(menu, "Waltz", parent_id=dances.pk)

    services.update_item(actor=ruby, item_id=songs.pk, draft=draft_of(songs, parent_id=dances.pk, position=1))

    assert titles(menu) == ["Dances", "Last"]
    assert titles(menu, dances) == ["Songs", "Waltz"]
    assert titles(menu, songs) == ["Ballad"]
    assert MenuItem.objects.get(pk=last.pk).position == 2
    assert MenuItem.objects.get(pk=ballad.pk).parent_id == songs.pk


def test_deleting_an_item_takes_what_is_below_it_and_closes_the_gap(ruby: User) -> None:
    menu = menu_of(ruby)
    heading = item_in(menu, "Songs", None)
    item_in(menu, "Ballad", parent_id=heading.pk)
    item_in(menu, "Wave")

    services.delete_items(actor=ruby, menu_id=menu.pk, item_ids=[heading.pk])

    assert titles(menu) == ["Wave"]
    assert MenuItem.objects.count() == 1


def test_an_item_and_what_is_below_it_can_be_deleted_together(ruby: User) -> None:
    menu = menu_of(ruby)
    heading, wave = item_in(menu, "Songs", None), item_in(menu, "Wave")
    ballad = item_in(menu, "Ballad", parent_id=heading.pk)

    services.delete_items(actor=ruby, menu_id=menu.pk, item_ids=[heading.pk, ballad.pk])

    assert list(MenuItem.objects.all()) == [wave]
    assert titles(menu) == ["Wave"]


def test_reorder_takes_every_sibling_once(ruby: User) -> None:
    menu = menu_of(ruby)
    a, b, c = (item_in(menu, title).pk for title in "abc")

    reorder_items(actor=ruby, menu_id=menu.pk, parent_id=None, order=[c, a, b])
    for wrong in ([c, a], [a, a, b], [a, b, c, menu.pk]):
        with pytest.raises(ValidationFailed):
            reorder_items(actor=ruby, menu_id=menu.pk, parent_id=None, order=wrong)

    assert titles(menu) == ["c", "a", "b"]


def test_a_tree_has_no_circle_and_a_limited_depth(ruby: User) -> None:
    menu = menu_of(ruby)
    chain = [item_in(menu, "level 1", None)]
    while len(chain) < MAX_DEPTH:
        chain.append(item_in(menu, f"level {len(chain) + 1}", None, parent_id=chain[-1].pk))
    other = item_in(menu, "other", None)

    for item, parent in [(chain[0], chain[0]), (chain[0], chain[2]), (other, chain[-1]), (chain[0], other)]:
        with pytest.raises(ValidationFailed) as refusal:
            services.update_item(actor=ruby, item_id=item.pk, draft=draft_of(item, parent_id=parent.pk))
        assert set(refusal.value.details) == {"parentId"}


def test_a_menu_has_a_largest_size(ruby: User) -> None:
    menu = menu_of(ruby)
    MenuItem.objects.bulk_create(
        MenuItem(menu=menu, type=menu.type, title=str(n), position=n) for n in range(1, MAX_ITEMS + 1)
    )

    with pytest.raises(ValidationFailed):
        item_in(menu)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "a\x1bb"}, "title"),
        ({"title": "\u202eevil"}, "title"),
        ({"title": "\u200b"}, "title"),
        ({"section": "\u3164"}, "section"),
        ({"price_tokens": 0}, "price"),
        ({"price_tokens": -5}, "price"),
        ({"price_tokens": 1_000_000_001}, "price"),
        ({"duration_s": 0}, "durationSeconds"),
        ({"duration_s": 4 * 3600 + 1}, "durationSeconds"),
        ({"position": 0}, "position"),
        ({"description": "x" * 401}, "description"),
    ],
)
def test_an_item_out_of_bounds_is_named_and_not_written(ruby: User, changes: dict[str, Any], field: str) -> None:
    item = item_in(menu_of(ruby), "A song", 40)

    with pytest.raises(ValidationFailed) as refusal:
        services.update_item(actor=ruby, item_id=item.pk, draft=draft_of(item, **changes))

    assert set(refusal.value.details) == {field}
    stored = MenuItem.objects.get(pk=item.pk)
    assert (stored.title, stored.price_tokens, stored.position) == ("A song", 40, 1)


def test_columns_belong_to_a_type(ruby: User) -> None:
    links = menu_of(None, type=MenuType.NAVIGATION)

    with pytest.raises(ValidationFailed) as refusal:
        item_in(links, "Home", 40, duration_s=60)

    assert set(refusal.value.details) == {"price", "durationSeconds"}


def test_an_editor_touches_only_her_own_menus(ruby: User, jade: User) -> None:
    menu = menu_of(jade, "Jade's")
    item = item_in(menu, "Jade's song")
    foreign: list[Callable[[], object]] = [
        lambda: services.update_menu(actor=ruby, menu_id=menu.pk, draft=MenuDraft(title="Mine")),
        lambda: services.delete_menu(actor=ruby, menu_id=menu.pk),
        lambda: services.create_item(actor=ruby, menu_id=menu.pk, draft=ItemDraft(title="Mine")),
        lambda: services.update_item(actor=ruby, item_id=item.pk, draft=ItemDraft(title="Mine")),
        lambda: services.delete_items(actor=ruby, menu_id=menu.pk, item_ids=[item.pk]),
        lambda: services.delete_items(actor=ruby, menu_id=menu_of(ruby).pk, item_ids=[item.pk]),
        lambda: reorder_items(actor=ruby, menu_id=menu.pk, parent_id=None, order=[item.pk]),
    ]

    for command in foreign:
        with pytest.raises(NotFound):
            command()
    for owner in (jade, None):
        with pytest.raises(Forbidden):
            services.create_menu(actor=ruby, draft=MenuDraft(title="Mine", owner_id=owner.pk if owner else None))

    assert (Menu.objects.get(pk=menu.pk).title, titles(menu)) == ("Jade's", ["Jade's song"])


@pytest.mark.parametrize("role", [Role.USER, Role.SUPPORT, Role.FINANCE, Role.GAMES, Role.AUDITOR, Role.SERVICE])
def test_other_roles_edit_nothing(ruby: User, role: Role) -> None:
    menu = menu_of(ruby)
    somebody = person("somebody", role)

    commands: list[Callable[[], object]] = [
        lambda: services.create_menu(actor=somebody, draft=MenuDraft(title="x", owner_id=somebody.pk)),
        lambda: services.update_menu(actor=somebody, menu_id=menu.pk, draft=MenuDraft(title="x")),
        lambda: services.create_item(actor=somebody, menu_id=menu.pk, draft=ItemDraft(title="x")),
    ]
    for command in commands:
        with pytest.raises(RoleNotAllowed):
            command()


def test_a_performance_menu_belongs_to_a_performer(ruby: User) -> None:
    admin, buyer = person("admin", Role.ADMIN), person("alice", Role.USER)

    for owner_id in (None, buyer.pk):
        with pytest.raises(ValidationFailed):
            services.create_menu(actor=admin, draft=MenuDraft(title="x", owner_id=owner_id))

    assert not Menu.objects.exists()


@pytest.mark.parametrize("gone", ["update", "delete", "menu"])
def test_what_is_not_there_is_not_found(ruby: User, gone: str) -> None:
    nothing = ruby.pk
    commands: dict[str, Callable[[], object]] = {
        "update": lambda: services.update_item(actor=ruby, item_id=nothing, draft=ItemDraft(title="x")),
        "delete": lambda: services.delete_items(actor=ruby, menu_id=menu_of(ruby).pk, item_ids=[nothing]),
        "menu": lambda: services.delete_menu(actor=ruby, menu_id=nothing),
    }

    with pytest.raises(DomainError) as refusal:
        commands[gone]()

    assert refusal.value.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("price_tokens = 0", "menus_item_price_in_range"),
        ("stock = 3", "menus_item_stock_is_purchasable"),
        ("path = '/x'", "menus_item_path_navigates"),
        ("type = 'navigation', price_tokens = NULL, duration_s = NULL", "menus_item_type_of_menu"),
        ("parent_id = id", "menus_item_not_own_parent"),
        ("position = 2", "menus_item_position_once"),
        ("parent_id = (SELECT id FROM menus_menuitem WHERE title = 'foreign')", "menus_item_parent_of_menu"),
    ],
)
def test_the_database_refuses_what_no_service_writes(ruby: User, jade: User, assignment: str, constraint: str) -> None:
    menu = menu_of(ruby)
    item_in(menu, "first")
    item_in(menu, "second")
    item_in(menu_of(jade), "foreign")

    with transaction.atomic(), connection.cursor() as cursor, pytest.raises(IntegrityError, match=constraint):
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; UPDATE menus_menuitem SET {assignment} WHERE title = 'first'")  # noqa: S608
