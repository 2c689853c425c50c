"""A performer's menus for people who are not signed in: rendered once a version, and never an old one."""

import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.renderers import JSONRenderer

from accounts.models import Role, User
from core.freshness import etag_of
from menus import services, shapes
from menus.models import Menu, MenuItem
from menus.services.editing import reorder_items
from menus.tests.factories import item_in, menu_of
from tests.world import client_of, deactivated, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN = User(role=Role.ADMIN)


def address(of: User) -> str:
    return f"/api/v1/performer/{of.pk}/menus"


def assert_current(of: User) -> str:
    """A stranger reads the menus as they are, twice; return the ETag."""
    first, second = client_of(None).get(address(of)), client_of(None).get(address(of))
    now = json.loads(JSONRenderer().render(shapes.MenusOut().to_representation(services.menus_of(of.pk))))
    assert first.json() == second.json() == now
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"] == etag_of(first.content)
    assert list(first.headers) == list(second.headers)
    return str(first.headers["ETag"])


def test_reads_of_a_crowd_take_one_statement_each() -> None:
    ruby = performer()
    menu = menu_of(ruby)
    for number in range(20):
        item_in(menu, f"Song {number}")
    etag = assert_current(ruby)

    for headers, status in (({}, 200), ({"If-None-Match": etag}, 304)):
        with CaptureQueriesContext(connection) as run:
            answer = client_of(None).get(address(ruby), headers=headers)
        assert (answer.status_code, len(run)) == (status, 1)
        assert answer.headers["Cache-Control"] == "private, no-cache"


def test_every_edit_is_seen_at_once() -> None:
    ruby = performer()
    menu = menu_of(ruby)
    first, second = item_in(menu, "First"), item_in(menu, "Second")
    more: list[Menu] = []
    louder = services.ItemDraft(title="Louder", price_tokens=41, position=2)
    steps: list[Callable[[], object]] = [
        lambda: services.update_item(actor=ADMIN, item_id=first.pk, draft=louder),
        lambda: reorder_items(actor=ADMIN, menu_id=menu.pk, parent_id=None, order=[first.pk, second.pk]),
        lambda: services.delete_items(actor=ADMIN, menu_id=menu.pk, item_ids=[second.pk]),
        lambda: services.update_menu(actor=ADMIN, menu_id=menu.pk, draft=services.MenuDraft(title="Later")),
        lambda: more.append(menu_of(ruby, "More")),
        lambda: item_in(more[0], "Third"),
        lambda: MenuItem.objects.filter(pk=first.pk).update(price_tokens=42),
        lambda: services.update_menu(actor=ADMIN, menu_id=menu.pk, draft=services.MenuDraft(title="L", active=False)),
        lambda: services.delete_menu(actor=ADMIN, menu_id=more[0].pk),
    ]
    etags = [assert_current(ruby)]

    for step in steps:
        step()
        etags.append(assert_current(ruby))

    assert len(set(etags)) == len(etags)


def test_menus_that_come_and_go_during_a_read_are_not_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ruby = performer()
    menu_of(ruby)
    read = services.menus_of

    def overtaken(performer_id: object) -> object:
        passing = menu_of(ruby, "Passing")
        shown = read(ruby.pk)
        services.delete_menu(actor=ADMIN, menu_id=passing.pk)
        return shown

    monkeypatch.setattr(services, "menus_of", overtaken)
    assert "Passing" in client_of(None).get(address(ruby)).content.decode()
    monkeypatch.undo()

    assert "Passing" not in client_of(None).get(address(ruby)).content.decode()
    assert_current(ruby)


def test_menus_of_a_deactivated_performer_and_of_nobody_are_404() -> None:
    ruby = performer()
    assert_current(ruby)

    deactivated(ruby)

    for who in (ruby, person()):
        answer = client_of(None).get(address(who), headers={"If-None-Match": "*"})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")


def test_signed_in_people_read_the_same_with_the_same_etag() -> None:
    ruby = performer()
    menu_of(ruby)

    assert client_of(person()).get(address(ruby)).headers["ETag"] == assert_current(ruby)
