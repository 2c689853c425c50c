"""Menus in the back office: by role, own rows only, through the services, on every address that there is."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, reverse

from accounts.backoffice import BACK_OFFICE_ROLES
from accounts.models import STAFF_ROLES, Role, User
from live.models import EventRow
from menus.models import Menu, MenuItem
from menus.tests.factories import bought, item_in, menu_of, person, titles
from tests.backoffice import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ruby() -> User:
    return person("ruby", Role.PERFORMER)


@pytest.fixture
def jade() -> User:
    return person("jade", Role.PERFORMER)


def inline(menu: Menu, /, *rows: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """The form of a menu's page with its item rows; a row with an ``id`` changes that item."""
    known = sum("id" in row for row in rows)
    form: dict[str, Any] = {"title": menu.title, "section": menu.section, "active": "on"}
    form |= {"items-TOTAL_FORMS": len(rows), "items-INITIAL_FORMS": known}
    for number, row in enumerate(rows):
        form |= {f"items-{number}-menu": "" if menu._state.adding else str(menu.pk)} | {
            f"items-{number}-{k}": v for k, v in row.items()
        }
    return form | extra


def row_of(item: MenuItem | None = None, **fields: Any) -> dict[str, Any]:
    if item is None:
        return {"active": "on"} | fields
    shown = {"place": item.position, "title": item.title, "price_tokens": item.price_tokens or "", "active": "on"}
    return {"id": str(item.pk), "duration_s": item.duration_s or ""} | shown | fields


def state() -> list[Any]:
    return [*Menu.objects.order_by("pk").values_list(), *MenuItem.objects.order_by("pk").values_list()]


def addresses(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Every named address of the admin site that concerns menus, by walking its URL map."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix)
        elif isinstance(pattern, URLPattern) and (pattern.name or "").startswith("menus_"):
            yield f"admin:{pattern.name}"


OF_ONE_ROW = ("change", "delete", "history")
ADDRESSES = sorted(set(addresses(admin.site.urls[0])))


def test_the_walk_finds_every_page_of_every_menu_model() -> None:
    pages = ("add", "change", "changelist", "delete", "history")

    assert {f"admin:menus_{model}_{page}" for model in ("menu", "menuitem", "purchase") for page in pages} == set(
        ADDRESSES
    )


@pytest.mark.parametrize("name", [name for name in ADDRESSES if name.endswith(OF_ONE_ROW)])
@pytest.mark.parametrize("query", ["", "?_popup=1", "?_to_field=id&_popup=1"])
def test_another_performers_row_is_out_of_reach_on_every_address(ruby: User, jade: User, name: str, query: str) -> None:
    theirs = menu_of(jade, "Jade's menu")
    item = item_in(theirs, "Jade's song")
    target = item.pk if "menuitem" in name else theirs.pk
    form = inline(theirs, row_of(item, title="taken"), title="taken", post="yes", menu=str(theirs.pk))
    before = state()
    client = signed_in(ruby)

    for method, data in (
        (client.get, {}),
        (client.post, {"post": "yes"}),
        (client.post, form),
        (client.post, form | {"_saveasnew": "1"}),
    ):
        answer = method(reverse(name, args=[target]) + query, data)
        assert answer.status_code in (302, 403, 404)
        assert b"Jade" not in answer.content

    assert state() == before


@pytest.mark.parametrize("name", [name for name in ADDRESSES if name.endswith("changelist")])
def test_lists_and_searches_show_own_rows_only(ruby: User, jade: User, name: str) -> None:
    theirs, own = menu_of(jade, "Jade's menu"), menu_of(ruby, "Ruby's menu")
    item_in(theirs, "Jade's song"), item_in(own, "Ruby's song")
    client = signed_in(ruby)

    for query in (
        "",
        "?q=Jade",
        f"?q={theirs.pk}",
        f"?performer={jade.pk}",
        f"?menu__owner__id__exact={jade.pk}",
        "?all=",
    ):
        answer = client.get(reverse(name) + query)
        assert answer.status_code in (200, 302, 400)  # 400: a look-up that the list does not offer
        assert b"Jade&#x27;s" not in answer.content

    if "purchase" not in name:
        assert b"Ruby&#x27;s" in client.get(reverse(name)).content


@pytest.mark.parametrize(("typed", "found"), [("stage", 2), ("ruby", 1), ("nobody", 0)])
def test_staff_find_menus_by_title_and_by_owner(ruby: User, jade: User, typed: str, found: int) -> None:
    menu_of(ruby), menu_of(jade)

    answer = signed_in(person("admin", Role.ADMIN)).get(reverse("admin:menus_menu_changelist"), {"q": typed})

    assert answer.context["cl"].result_count == found


@pytest.mark.parametrize("model", ["menu", "menuitem"])
def test_the_delete_action_skips_rows_of_others(ruby: User, jade: User, model: str) -> None:
    theirs, own = menu_of(jade), menu_of(ruby)
    items = [item_in(theirs, "Jade's song"), item_in(own, "Ruby's song")]
    chosen = [row.pk for row in ((theirs, own) if model == "menu" else items)]

    signed_in(ruby).post(
        reverse(f"admin:menus_{model}_changelist"),
        {"action": "delete_selected", "_selected_action": chosen, "post": "yes"},
    )

    assert titles(theirs) == ["Jade's song"]
    assert titles(own) == []


def test_a_save_of_a_menu_with_its_items_emits_one_event(ruby: User) -> None:
    own, other = menu_of(ruby), menu_of(ruby, "Another menu")
    items = [item_in(own, title) for title in ("A song", "A dance")]
    before = EventRow.objects.count()
    form = inline(own, *(row_of(each, price_tokens=77) for each in items), row_of(title="New", price_tokens=5))

    assert signed_in(ruby).post(reverse("admin:menus_menu_change", args=[own.pk]), form).status_code == 302

    assert titles(own) == ["A song", "A dance", "New"]
    (event,) = EventRow.objects.order_by("id")[before:]
    assert (event.key, event.variables, event.room) == ("menu.changed", {"menuId": str(own.pk)}, ruby.pk)
    chosen = {"action": "delete_selected", "_selected_action": [own.pk, other.pk], "post": "yes"}
    signed_in(ruby).post(reverse("admin:menus_menu_changelist"), chosen)
    gone = EventRow.objects.order_by("id")[before + 1 :]
    assert {each.variables["menuId"] for each in gone} == {str(own.pk), str(other.pk)}, "of each menu"


def test_an_item_row_cannot_name_another_performers_item(ruby: User, jade: User) -> None:
    theirs = item_in(menu_of(jade), "Jade's song")
    own = menu_of(ruby)
    song = item_in(own, "Ruby's song")
    before = state()
    page = reverse("admin:menus_menu_change", args=[own.pk])
    client = signed_in(ruby)

    for stolen in (row_of(theirs, title="taken"), row_of(theirs, DELETE="on")):
        answer = client.post(page, inline(own, stolen, row_of(song, title="renamed")))
        assert answer.status_code == 302  # back to the page: the service refused
        assert b"NOT_FOUND" in client.get(page).content

    assert state() == before


@pytest.mark.parametrize("field", ["menu", "parent"])
def test_an_item_cannot_be_put_under_another_performers_menu_or_item(ruby: User, jade: User, field: str) -> None:
    theirs = item_in(menu_of(jade), "Jade's song")
    own = menu_of(ruby)
    form = {"menu": str(own.pk), "title": "Mine", "active": "on", "price_tokens": "10"}
    form[field] = str(theirs.menu_id if field == "menu" else theirs.pk)
    before = state()

    answer = signed_in(ruby).post(reverse("admin:menus_menuitem_add"), form)

    assert answer.status_code == 200
    assert state() == before


def test_the_owner_of_a_performers_new_menu_is_always_herself(ruby: User, jade: User) -> None:
    form = inline(
        Menu(title="New"), row_of(title="First", price_tokens=10), row_of(title="Zero", price_tokens=5, place=1)
    )

    answer = signed_in(ruby).post(
        reverse("admin:menus_menu_add"), form | {"owner": str(jade.pk), "type": "purchasable"}
    )

    assert answer.status_code == 302
    menu = Menu.objects.get()
    assert (menu.owner_id, menu.type, titles(menu)) == (ruby.pk, "performance", ["Zero", "First"])


def test_autocomplete_offers_own_menus_and_items_only(ruby: User, jade: User) -> None:
    for owner in (ruby, jade):
        item_in(menu_of(owner, f"{owner.username}'s menu"), f"{owner.username}'s song")
    client = signed_in(ruby)

    for field, kind in (("menu", "menu"), ("parent", "song")):
        query = f"?app_label=menus&model_name=menuitem&field_name={field}&term="
        found = client.get(reverse("admin:autocomplete") + query).json()["results"]
        assert [result["text"] for result in found] == [f"ruby's {kind}"]


def test_a_performer_edits_her_menu_with_its_items(ruby: User) -> None:
    menu = menu_of(ruby)
    a, b, c = (item_in(menu, title, 10) for title in "abc")
    client = signed_in(ruby)
    page = reverse("admin:menus_menu_change", args=[menu.pk])
    assert client.get(page).status_code == 200

    answer = client.post(
        page,
        inline(
            menu,
            row_of(a, place=3),
            row_of(b, DELETE="on"),
            row_of(c, title="C", price_tokens=99),
            row_of(title="d"),
            title="Stage",
        ),
    )

    assert answer.status_code == 302
    assert titles(menu) == ["C", "a", "d"]
    assert MenuItem.objects.get(title="C").price_tokens == 99
    assert Menu.objects.get().title == "Stage"
    assert b"Changed" in client.get(reverse("admin:menus_menu_history", args=[menu.pk])).content


@pytest.mark.parametrize("popup", ["", "?_popup=1"])
def test_a_performer_adds_and_moves_an_item_on_its_own_page(ruby: User, popup: str) -> None:
    menu, other = menu_of(ruby), menu_of(ruby, "Another")
    songs, wave = item_in(menu, "Songs", None), item_in(menu, "Wave")
    elsewhere = item_in(other, "Elsewhere", None)
    client = signed_in(ruby)
    form = {"title": "Ballad", "price_tokens": "70", "duration_s": "60", "active": "on", "place": "1"}

    page = reverse("admin:menus_menuitem_add") + popup
    assert client.get(page).status_code == 200
    added = client.post(page, form | {"menu": str(menu.pk)} | ({"_popup": "1"} if popup else {}))
    assert added.status_code == (200 if popup else 302)
    assert titles(menu) == ["Ballad", "Songs", "Wave"]

    ballad = MenuItem.objects.get(title="Ballad")
    page = reverse("admin:menus_menuitem_change", args=[ballad.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, form | {"parent": str(elsewhere.pk)}).status_code == 200  # not of this menu
    assert client.post(page, form | {"parent": str(songs.pk), "menu": str(other.pk)}).status_code == 302

    assert titles(menu) == ["Songs", "Wave"]
    assert titles(menu, songs) == ["Ballad"]
    assert (titles(other), MenuItem.objects.get(pk=ballad.pk).price_tokens) == (["Elsewhere"], 70)
    assert MenuItem.objects.get(pk=wave.pk).position == 2


def test_a_fault_is_shown_at_its_field_and_nothing_is_saved(ruby: User) -> None:
    menu = menu_of(ruby)
    item = item_in(menu)
    page = reverse("admin:menus_menuitem_change", args=[item.pk])
    client = signed_in(ruby)
    before = state()

    for wrong in (
        {"title": ""},
        {"price_tokens": "0"},
        {"price_tokens": "1.5"},
        {"parent": str(item.pk)},
        {"place": "0"},
    ):
        form = {"title": "A song", "price_tokens": "40", "duration_s": "", "active": "on"} | wrong
        assert client.post(page, form).status_code == 200

    assert state() == before


@pytest.mark.parametrize("model", ["menu", "menuitem"])
def test_deleting_asks_first_and_goes_through_the_service(ruby: User, model: str) -> None:
    menu = menu_of(ruby)
    item, _ = item_in(menu, "gone"), item_in(menu, "kept")
    page = reverse(f"admin:menus_{model}_delete", args=[menu.pk if model == "menu" else item.pk])
    client = signed_in(ruby)

    assert client.get(page).status_code == 200
    assert MenuItem.objects.count() == 2
    assert client.post(page, {"post": "yes"}).status_code == 302

    assert titles(menu) == ([] if model == "menu" else ["kept"])


@pytest.mark.parametrize("model", ["menu", "menuitem"])
def test_what_was_bought_is_not_deleted(ruby: User, model: str) -> None:
    menu = menu_of(ruby)
    item = item_in(menu)
    bought(person("alice", Role.USER, tokens=100), item)
    row = menu.pk if model == "menu" else item.pk
    client = signed_in(ruby)

    client.post(reverse(f"admin:menus_{model}_delete", args=[row]), {"post": "yes"})
    client.post(
        reverse(f"admin:menus_{model}_changelist"),
        {"action": "delete_selected", "_selected_action": [str(row)], "post": "yes"},
    )
    page = reverse("admin:menus_menu_change", args=[menu.pk])
    client.post(page, inline(menu, row_of(item, DELETE="on")))

    assert titles(menu) == ["A song"]


def test_a_menu_that_somebody_else_has_locked_is_not_changed_and_the_refusal_is_shown(ruby: User) -> None:
    menu = menu_of(ruby)
    client = signed_in(ruby)
    page = reverse("admin:menus_menu_change", args=[menu.pk])
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT 1 FROM menus_menu WHERE id = %s FOR UPDATE", [menu.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        answer = client.post(page, inline(menu, title="Late"), follow=True)
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")

    assert "(QUEUE_BUSY). Nothing was changed." in answer.content.decode()
    assert Menu.objects.get().title == "On stage"


@pytest.mark.parametrize("role", sorted(Role.values))
def test_each_role_sees_and_changes_what_it_may(ruby: User, role: str) -> None:
    menu = menu_of(ruby, "Ruby's menu")
    item = item_in(menu, "Ruby's song")
    client = signed_in(person("somebody", Role(role)))
    before = state()
    lists = [client.get(reverse(f"admin:menus_{model}_changelist")) for model in ("menu", "menuitem", "purchase")]
    change = client.post(reverse("admin:menus_menu_change", args=[menu.pk]), inline(menu, row_of(item, title="x")))
    delete = client.post(reverse("admin:menus_menuitem_delete", args=[item.pk]), {"post": "yes"})

    if role not in BACK_OFFICE_ROLES:
        assert {answer.status_code for answer in (*lists, change, delete)} == {302}
        assert all("/admin/login/" in answer["Location"] for answer in (*lists, change, delete))
    else:
        assert [answer.status_code for answer in lists] == [200] * 3
    if role == Role.ADMIN:
        assert (change.status_code, delete.status_code, titles(menu)) == (302, 302, [])
    else:
        assert state() == before
    if role in STAFF_ROLES - {Role.ADMIN}:
        assert {change.status_code, delete.status_code} == {403}
        assert client.get(reverse("admin:menus_menu_add")).status_code == 403
        assert client.get(reverse("admin:menus_menu_change", args=[menu.pk])).status_code == 200


def test_nobody_gets_in_without_signing_in() -> None:
    for name in ADDRESSES:
        page = reverse(name, args=[uuid4()] if name.endswith(OF_ONE_ROW) else [])
        assert "/admin/login/" in Client().get(page)["Location"]


def test_list_pages_run_the_same_statements_however_long(ruby: User, jade: User) -> None:
    client = signed_in(person("admin", Role.ADMIN))

    def statements() -> list[int]:
        counts = []
        for page in ("admin:menus_menu_changelist", "admin:menus_menuitem_changelist"):
            with CaptureQueriesContext(connection) as run:
                assert client.get(reverse(page)).status_code == 200
            counts.append(len(run))
        return counts

    item_in(menu_of(ruby))
    statements()  # fills the cache of content types
    few = statements()
    for owner in (ruby, jade, None):
        for n in range(4):
            menu = menu_of(owner, f"menu {n}", **({} if owner else {"type": "purchasable"}))
            for k in range(4):
                item_in(menu, f"item {k}", duration_s=None)

    assert statements() == few


def test_the_pages_of_one_menu_run_the_same_statements_however_many_items(ruby: User) -> None:
    menu = menu_of(ruby)
    item_in(menu)
    client = signed_in(ruby)

    def statements() -> int:
        with CaptureQueriesContext(connection) as run:
            assert client.get(reverse("admin:menus_menu_change", args=[menu.pk])).status_code == 200
        return len(run)

    statements()  # fills the cache of content types
    few = statements()
    for n in range(10):
        item_in(menu, f"item {n}")

    assert statements() == few
