"""A room's feed, and what follows one's own requests: what is drawn, what may be asked for again, what is silent."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from accounts.models import User
from live import services as live
from menus import services as menus
from perfqueue import services as perfqueue
from tests import world
from xxxchat.pages.feed import ICONS, MAX_FEED_MESSAGES
from xxxchat.pages.tests.visiting import HTMX, html, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)


def feed(performer: User, **headers: str) -> Any:
    return visitor().get(reverse("room-feed", args=[performer.pk]), headers=headers)


def texts(answer: Any) -> list[str]:
    return [line["text"] for line in answer.json()["items"]]


def lines(page: str) -> list[str]:
    (log,) = re.findall(r'<div class="feed".*?</div>', page, re.DOTALL)
    return re.findall(r"<span>(.*?)</span>", log)


def test_a_room_shows_what_happened_newest_first() -> None:
    performer, _ = stage("Request a song")
    item = world.buy(world.person("alice", tokens=100), performer, title="A <b>waltz</b>")
    perfqueue.start(item_id=item.pk, actor=performer)

    page = html(visitor().get(reverse("room", args=[performer.pk])))

    assert lines(page) == [
        "“A &lt;b&gt;waltz&lt;/b&gt;” is on stage.",
        "Someone asked for “A &lt;b&gt;waltz&lt;/b&gt;”.",
        "The menu has changed.",
    ]
    assert f'data-stream="/live/performer/{performer.pk}"' in page
    assert 'role="log" aria-live="polite"' in page
    assert all(f'data-message="{key}"' in page for key in ICONS)


def test_a_room_where_nothing_happened_says_so() -> None:
    performer = world.performer("ruby")

    page = html(visitor().get(reverse("room", args=[performer.pk])))

    assert lines(page) == []
    assert "Nothing has happened yet" in page


def test_the_feed_is_the_same_for_everybody_and_names_nobody() -> None:
    performer, _ = stage("Request a song")
    alice = world.person("alice", tokens=100)
    world.buy(alice, performer, title="A waltz")

    answer = feed(performer)
    address = reverse("room-feed", args=[performer.pk])

    assert texts(answer) == ["Someone asked for “A waltz”.", "The menu has changed."]
    assert visitor(alice).get(address).content == visitor(performer).get(address).content == answer.content
    assert "alice" not in html(answer)
    assert str(alice.pk) not in html(answer)


def test_a_known_feed_is_answered_304_until_something_happens() -> None:
    performer, _ = stage("Request a song")
    alice = world.person("alice", tokens=200)
    first = feed(performer)
    known = {"If-None-Match": first.headers["ETag"]}

    again = feed(performer, **known)
    world.buy(alice, performer, title="A waltz")
    moved = feed(performer, **known)

    assert (again.status_code, again.content, moved.status_code) == (304, b"", 200)
    assert texts(moved) == ["Someone asked for “A waltz”.", *texts(first)]
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"


def test_a_new_text_is_a_new_answer() -> None:
    performer, _ = stage("Request a song")
    first = feed(performer)

    live.edit_template(key="menu.changed", text="Look at the menu.", actor=world.staff())
    again = feed(performer, **{"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, texts(again)) == (200, ["Look at the menu."])


def test_a_menu_edited_in_many_steps_is_shown_once() -> None:
    performer, (item, *_) = stage("One", "Two", "Three")
    world.buy(world.person("alice", tokens=100), performer, title="A waltz")
    for title in ("Four", "Five"):
        draft = menus.ItemDraft(title=title, price_tokens=40, duration_s=120)
        menus.update_item(actor=performer, item_id=UUID(item), draft=draft)

    assert texts(feed(performer)) == ["The menu has changed.", "Someone asked for “A waltz”.", "The menu has changed."]


def test_a_feed_has_an_end() -> None:
    performer, _ = stage("Request a song", user_cap=50, depth=50)
    alice = world.person("alice", tokens=10_000)
    for _ in range(MAX_FEED_MESSAGES + 2):
        world.buy(alice, performer)

    assert len(texts(feed(performer))) == MAX_FEED_MESSAGES


def test_a_room_that_does_not_exist_has_no_feed() -> None:
    assert visitor().get("/rooms/nonsense/feed").status_code == 404
    assert feed(world.person()).status_code == 404
    assert visitor().post(reverse("room-feed", args=[world.performer().pk])).status_code in (403, 405)


def test_my_requests_follow_my_own_stream() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=200)
    world.buy(buyer, performer)

    mine = html(visitor(buyer).get(reverse("requests")))

    assert 'data-stream="/live/me"' in mine
    assert "queue.item.third_position_notice queue.item.next_notice" in mine
    assert 'data-stream="/live/me"' not in html(visitor(performer).get(reverse("requests")))
    assert 'data-stream="/live/me"' not in html(visitor(buyer).get(reverse("requests"), {"before": str(buyer.pk)}))
    assert visitor().get(reverse("requests-live")).status_code == 302


@pytest.mark.parametrize("show", ["", "done"])
def test_my_requests_are_silent_until_one_moves(show: str) -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=200)
    item = world.buy(buyer, performer)
    client, address = visitor(buyer), reverse("requests-live")
    seen = client.get(reverse("requests"), {"show": show}).context["digest"]

    silent = client.get(address, {"show": show, "seen": seen}, headers=HTMX)
    perfqueue.leave(item_id=item.pk, actor=buyer)
    moved = client.get(address, {"show": show, "seen": seen}, headers=HTMX)

    assert (silent.status_code, moved.status_code) == (204, 200)
    assert html(moved).count('hx-swap-oob="true"') == 5
    assert ("No open requests" if not show else "back") in html(moved)
