"""A room's feed and one's own notices, live in a browser: by the stream, and by asking when the stream is cut."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.relay import relayed
from tests.browser.visiting import PHONE, Visitor

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
FOLLOWS_WITHIN_MS = 10_000
FALLS_BACK_WITHIN_MS = 30_000
STREAM, FEED = "**/live/performer/*", "**/rooms/*/feed"


def ids(page: Page) -> list[str]:
    found: list[str] = page.locator("#feed li").evaluate_all("lines => lines.map(line => line.dataset.id)")
    return found


def titles(one: Visitor) -> list[str]:
    return one.page.locator("#menu article .title").all_inner_texts()


def leave(one: Visitor) -> None:
    """Give every place up that this person has here."""
    places = one.page.locator("#place").get_by_role("button", name=re.compile("Leave"))
    for left in range(places.count() - 1, -1, -1):
        places.first.click()
        expect(places).to_have_count(left)


def forgive(one: Visitor) -> None:
    """A wire that was cut is complained about, as it should be, for as long as its page is open."""
    one.go_away()
    one.complaints[:] = [text for text in one.complaints if "net::ERR_" not in text]


def test_a_room_follows_its_stream_and_polls_when_the_stream_is_cut(visit: Visit, site: str) -> None:
    with relayed(site) as wire:
        alice, bob = visit("alice", by=wire.url, viewport=PHONE), visit("bob")
        alice.enter_room_of("Jade")
        bob.enter_room_of("Jade")
        first, second = titles(bob)[:2]
        newest, mark = alice.page.locator("#feed li").first, alice.page.locator("#feed .conn")
        expect(mark).to_have_text("Live", timeout=FOLLOWS_WITHIN_MS)

        alice.page.route(FEED, lambda route: route.abort())  # only the stream can bring it
        bob.ask_for(first)
        expect(newest).to_contain_text(f"Someone asked for “{first}”.", timeout=FOLLOWS_WITHIN_MS)
        expect(alice.page.locator("#queue")).to_contain_text(first)
        alice.page.unroute(FEED)

        alice.page.route(STREAM, lambda route: route.abort())  # no stream comes back
        wire.cut()
        expect(mark).to_have_text("Up to date", timeout=FOLLOWS_WITHIN_MS)
        bob.ask_for(second)
        expect(newest).to_contain_text(f"Someone asked for “{second}”.", timeout=FALLS_BACK_WITHIN_MS)
        expect(mark).to_have_text("Up to date")

        followed = ids(alice.page)
        alice.page.reload()
        assert len(set(followed)) == len(followed)
        assert ids(alice.page) == followed, "the feed that grew is the feed of a page drawn anew"
        leave(bob)
        forgive(alice)


def test_a_stream_that_breaks_off_comes_back_with_what_was_missed_once(visit: Visit, site: str) -> None:
    held: list[Route] = []
    with relayed(site) as wire:
        carol, bob = visit("carol", by=wire.url), visit("bob")
        carol.enter_room_of("Ruby")
        bob.enter_room_of("Ruby")
        title, before = titles(bob)[0], carol.page.locator("#feed li").count()
        mark, lines = carol.page.locator("#feed .conn"), carol.page.locator("#feed li")
        expect(mark).to_have_text("Live", timeout=FOLLOWS_WITHIN_MS)

        carol.page.route(FEED, lambda route: route.abort())  # only the stream can bring it
        carol.page.route(STREAM, lambda route: held.append(route))
        with carol.page.expect_request(STREAM, timeout=FOLLOWS_WITHIN_MS):
            wire.cut()
        bob.ask_for(title)
        leave(bob)
        carol.page.unroute(STREAM)
        for route in held:
            route.continue_()

        expect(mark).to_have_text("Live", timeout=FALLS_BACK_WITHIN_MS)
        expect(lines).to_have_count(before + 2, timeout=FOLLOWS_WITHIN_MS)
        expect(lines.nth(0)).to_contain_text("left the line")
        expect(lines.nth(1)).to_contain_text(f"Someone asked for “{title}”.")
        forgive(carol)


def test_a_message_is_shown_as_text_whatever_it_holds(visit: Visit) -> None:
    stranger = visit()
    stranger.page.add_init_script(
        """const said = JSON.stringify({key: "queue.item.started", variables: {}, text: "<img src=x onerror=alert(1)>", at: "2026-11-25T09:30:00Z"});
        window.EventSource = class extends EventTarget { close() {} constructor() { super(); setTimeout(() => this.dispatchEvent(new MessageEvent("queue.item.started", {data: said, lastEventId: "99999999999-1"})), 300); } };"""  # noqa: E501
    )

    stranger.enter_room_of("Ruby")

    expect(stranger.page.locator("#feed li").first).to_contain_text("<img src=x onerror=alert(1)>")
    assert stranger.page.locator("#feed img").count() == 0


def test_without_event_sources_a_room_polls(visit: Visit) -> None:
    stranger, bob = visit(), visit("bob")
    stranger.page.add_init_script("delete window.EventSource")
    stranger.enter_room_of("Ruby")
    bob.enter_room_of("Ruby")

    bob.ask_for(titles(bob)[0])

    expect(stranger.page.locator("#feed li").first).to_contain_text("Someone asked for", timeout=FOLLOWS_WITHIN_MS)
    expect(stranger.page.locator("#feed .conn")).to_have_text("Up to date")
    leave(bob)


def test_my_requests_show_notices_of_what_happens_to_them(visit: Visit) -> None:
    alice, ruby = visit("alice"), visit("ruby")
    alice.enter_room_of("Ruby")
    title = titles(alice)[0]
    alice.ask_for(title)
    with alice.page.expect_response("**/live/me"):
        alice.go("/requests")
    ruby.go("/studio")

    ruby.page.get_by_role("button", name="Start now").click()

    notice, mine = alice.page.locator("#toasts .toast"), alice.page.locator("#list")
    expect(notice).to_contain_text(f"“{title}” is on stage.", timeout=FOLLOWS_WITHIN_MS)
    expect(mine).to_contain_text("On stage")

    ruby.page.get_by_role("button", name=re.compile("Finish and collect")).click()
    expect(notice).to_contain_text(f"“{title}” is done.", timeout=FOLLOWS_WITHIN_MS)
    expect(mine).to_contain_text("No open requests")
    expect(alice.page.locator("#balances")).to_contain_text("none held")
