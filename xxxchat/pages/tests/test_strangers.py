"""A room for people who are not signed in: rendered once, filled in for each, and never an old one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import constants
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import PerformerProfile, Role, User
from core.db import command
from live import services as live
from menus import services as menus
from perfqueue import services as perfqueue
from tests import world
from tests.clock import Clock
from xxxchat.pages import room
from xxxchat.pages.tests.visiting import html, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = re.compile(r'"X-CSRFToken": "(\w{64})"')
TIME = re.compile(r'data-now="([^"]+)"')
PASSED = re.compile(r'(?<=data-passed>)\d+:\d+|value="\d+"(?=\s+aria-label="How far)')


def get(of: User, client: Client | None = None, **headers: str) -> str:
    answer = (client or visitor()).get(reverse("room", args=[of.pk]), headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def without_own(page: str) -> str:
    """A page without what differs between two visits."""
    assert len(TOKEN.findall(page)) == len(TIME.findall(page)) == 1
    return PASSED.sub("", TIME.sub("", TOKEN.sub("", page)))


def assert_current(of: User, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of the second visitor is the one that is rendered for nobody but them; return it."""
    kept = [without_own(get(of)), without_own(get(of))]
    with monkeypatch.context() as patch:
        patch.setattr(room, "is_stranger", lambda _request: False)
        rendered = without_own(get(of))
    assert kept == [rendered, rendered]
    return rendered


def statements(of: User) -> int:
    with CaptureQueriesContext(connection) as run:
        get(of)
    return len(run)


def test_a_crowd_takes_four_statements_each_however_much_there_is_to_show() -> None:
    performer, _ = stage("Request a song", "Dance")
    costs = []

    for buyers in (0, 12):
        for _ in range(buyers):
            world.buy(world.person(tokens=100), performer)
        get(performer)
        costs.append(statements(performer))

    assert costs == [4, 4]


def test_every_visitor_has_a_token_of_their_own_that_their_forms_can_use() -> None:
    performer, _ = stage("Request a song")
    first, second = visitor(), visitor()
    pages = [get(performer, first), get(performer, second)]
    tokens = [TOKEN.findall(page)[0] for page in pages]

    assert len(set(tokens)) == 2
    for client, token in zip((first, second), tokens, strict=True):
        signed_in = client.post(reverse("theme"), {"theme": "light", "csrfmiddlewaretoken": token})
        assert signed_in.status_code == 302
    swapped = first.post(reverse("theme"), {"theme": "light", "csrfmiddlewaretoken": tokens[1]})
    assert swapped.status_code == 403


def test_headers_are_those_of_a_rendered_page(monkeypatch: pytest.MonkeyPatch) -> None:
    performer, _ = stage("Request a song")
    answers = [visitor().get(reverse("room", args=[performer.pk])) for _ in range(2)]
    monkeypatch.setattr(room, "is_stranger", lambda _request: False)
    rendered = visitor().get(reverse("room", args=[performer.pk]))

    for answer in answers:
        assert list(answer.headers) == list(rendered.headers)
        unlike = {name for name in answer.headers if answer.headers[name] != rendered.headers[name]}
        assert unlike <= {"X-Request-Id", "Content-Security-Policy"}
        assert answer.cookies.keys() == rendered.cookies.keys() == {"csrftoken"}


def test_every_change_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    performer, _ = stage("Request a song", "Dance")
    buyer, admin = world.person(tokens=1_000), world.person(role=Role.ADMIN)
    items = [world.buy(buyer, performer) for _ in range(2)]
    menu = menus.menus_of(performer.pk)[0]
    draft = menus.ItemDraft(title="A louder song", price_tokens=55, duration_s=60)
    of_performer: Any = {"performer_id": performer.pk, "actor": performer}
    profile = PerformerProfile.objects.filter(pk=performer.pk)
    steps: list[Callable[[], object]] = [
        lambda: perfqueue.start(item_id=items[0].pk, actor=performer),
        lambda: perfqueue.finish(item_id=items[0].pk, actor=performer),
        lambda: perfqueue.leave(item_id=items[1].pk, actor=buyer),
        lambda: perfqueue.pause_queue(**of_performer),
        lambda: perfqueue.resume_queue(**of_performer),
        lambda: menus.update_item(actor=admin, item_id=menu.offers[0].id, draft=draft),
        lambda: menus.delete_items(actor=admin, menu_id=menu.id, item_ids=[menu.offers[1].id]),
        lambda: menus.create_menu(actor=admin, draft=menus.MenuDraft(title="More", owner_id=performer.pk)),
        lambda: menus.delete_menu(actor=admin, menu_id=menus.menus_of(performer.pk)[1].id),
        lambda: profile.update(display_name="Ruby the Second"),
        lambda: profile.update(tagline="Sings"),
        lambda: profile.update(poster="piano"),
        lambda: live.edit_template(key="menu.changed", text="The menu is another one.", actor=admin),
        lambda: perfqueue.close_queue(**of_performer),
    ]
    pages = [assert_current(performer, monkeypatch)]

    for step in steps:
        command(step)
        pages.append(assert_current(performer, monkeypatch))

    assert "Request a song" in pages[0]
    assert len(set(pages)) == len(pages)


def test_the_seconds_on_stage_are_those_of_the_visit(clock: Clock) -> None:
    performer, _ = stage("Request a song")
    item = world.buy(world.person(tokens=100), performer, duration_s=120)
    perfqueue.start(item_id=item.pk, actor=performer)
    shown = []

    for _ in range(3):
        get(performer)
        shown += re.findall(r"data-passed>(\d+:\d+)<", get(performer))
        clock.shift(seconds=10)

    assert [int(each[-2:]) // 10 for each in shown] == [0, 1, 2]


def test_messages_below_the_latest_go_when_they_are_deleted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    performer, _ = stage("Request a song")
    live.emit([live.Event("queue.item.created", {"title": "An old song"}, room_id=performer.pk)])
    live.emit([live.Event("slots.spin", {}, recipient_id=performer.pk)])  # the newest old one is not deleted
    clock.shift(hours=23)
    for _ in range(31):
        live.emit([live.Event("menu.changed", {"menuId": performer.pk}, room_id=performer.pk)])
    assert "An old song" in assert_current(performer, monkeypatch)
    assert statements(performer) == 4

    clock.shift(hours=2)
    live.prune()

    assert "An old song" not in assert_current(performer, monkeypatch)


def test_what_becomes_due_is_expired_by_the_next_visit(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    performer, _ = stage("Request a song")
    world.buy(world.person(tokens=100), performer)
    get(performer)
    assert statements(performer) == 4

    clock.shift(seconds=121)

    assert "No one in line" in get(performer)
    assert_current(performer, monkeypatch)


@pytest.mark.parametrize(("name", "statements"), [("room-live", 2), ("room-menu", 3)])
def test_a_part_that_a_crowd_polls_is_read_once(name: str, statements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    performer, _ = stage("Request a song")
    address = reverse(name, args=[performer.pk])
    pages, costs = [], []

    for _ in range(2):
        digest = re.findall(r'name="seen"\s+value="(\w+)"', visitor().get(address).content.decode())[0]
        for query in ({}, {"seen": "another"}, {"seen": digest}):
            with CaptureQueriesContext(connection) as run:
                answer = visitor().get(address, query)
            costs.append(len(run))
            with monkeypatch.context() as patch:
                patch.setattr(room, "is_stranger", lambda _request: False)
                rendered = visitor().get(address, query)
            assert answer.status_code == rendered.status_code == (204 if query.get("seen") == digest else 200)
            assert list(answer.headers) == list(rendered.headers)
            seen = [PASSED.sub("", TIME.sub("", each.content.decode())) for each in (answer, rendered)]
            assert seen[0] == seen[1]
            pages.append(seen[0])
        command(lambda: perfqueue.close_queue(performer_id=performer.pk, actor=performer))

    assert set(costs) == {statements}
    assert pages[0] == pages[1] != pages[3] == pages[4]


def test_a_theme_and_a_path_have_pages_of_their_own() -> None:
    performer, _ = stage("Request a song")
    light = visitor()
    light.cookies["theme"] = "light"
    loud = visitor().get(reverse("room", args=[performer.pk]).upper().replace("/ROOMS/", "/rooms/")).content.decode()

    assert 'data-theme="dark"' in get(performer)
    assert 'data-theme="light"' in get(performer, light)
    assert f"next=/rooms/{str(performer.pk).upper()}" in loud
    assert f"next=/rooms/{performer.pk}" in get(performer)


def test_a_message_is_shown_to_its_reader_only() -> None:
    performer, _ = stage("Request a song")
    get(performer)
    storage, answer, client = CookieStorage(RequestFactory().get("/")), HttpResponse(), visitor()
    storage.add(constants.INFO, "Only for you.")
    storage.update(answer)
    client.cookies[CookieStorage.cookie_name] = answer.cookies[CookieStorage.cookie_name].value

    pages = [get(performer, client), get(performer, client), get(performer)]

    assert ["Only for you." in page for page in pages] == [True, False, False]


def test_signed_in_people_see_their_own_page() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person(tokens=100)
    get(performer)

    assert "Sign in to ask" not in get(performer, visitor(buyer))
    assert "Sign in to ask" in html(visitor().get(reverse("room", args=[performer.pk])))


def test_a_deactivated_performers_room_is_gone_at_once() -> None:
    performer, _ = stage("Request a song")
    get(performer)

    world.deactivated(performer)

    assert visitor().get(reverse("room", args=[performer.pk])).status_code == 404
