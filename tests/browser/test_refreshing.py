"""When pages ask: at an event while their stream is up, every two seconds while there is none, and otherwise not."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
STREAM = "**/live/performer/*"
WITHIN_MS = 10_000
SHOWN_WITHIN_MS = 2_000
READS = re.compile(r"/rooms/[^/]+/(live|menu|feed)|/studio/live")


def reads(page: Page) -> list[str]:
    """Every request of the page from now on that reads its state; the list grows."""
    seen: list[str] = []

    def note(request: Request) -> None:
        found = READS.search(request.url)
        if found:
            seen.append(found[0].rsplit("/", 1)[-1])

    page.on("request", note)
    return seen


def forgive(one: Visitor) -> None:
    """The browser complains of the streams that this test did not let through."""
    one.go_away()
    one.complaints[:] = [text for text in one.complaints if "net::ERR_" not in text]


def follows(one: Visitor) -> None:
    expect(one.page.locator("#feed .conn")).to_have_text("Live", timeout=WITHIN_MS)


def test_quiet_pages_with_a_stream_ask_nothing_and_one_without_polls_until_it_has_one(visit: Visit) -> None:
    alice, ruby, cut = visit("alice"), visit("ruby"), visit()
    cut.page.route(STREAM, lambda route: route.abort())
    cut.enter_room_of("Ruby")
    with ruby.page.expect_response(re.compile("/studio/live")):  # the one read, once its stream is up
        ruby.go("/studio")
    with alice.page.expect_response("**/feed"):
        alice.enter_room_of("Ruby")
    follows(alice)

    alices, rubys = reads(alice.page), reads(ruby.page)
    for _ in range(3):
        cut.page.wait_for_event("request", lambda request: "/live?" in request.url)
    assert (alices, rubys) == ([], [])

    cut.page.unroute(STREAM)
    cut.page.evaluate("dispatchEvent(new Event('online'))")
    follows(cut)
    cuts = reads(cut.page)
    ruby.page.get_by_role("button", name="Pause line").last.click()
    for one in (alice, cut):
        expect(one.page.locator("#onair")).to_contain_text("paused the line", timeout=WITHIN_MS)
        expect(one.page.locator("#feed li").first).to_contain_text("The line is paused.")
        expect(one.page.locator("#menu .is-off").first).to_be_visible()
    assert sorted(alices) == ["live", "menu"]
    assert sorted(set(cuts)) in (["live", "menu"], ["feed", "live", "menu"])
    assert len(cuts) <= 3
    ruby.page.get_by_role("button", name="Resume line").last.click()
    expect(alice.page.locator("#onair")).not_to_contain_text("paused", timeout=WITHIN_MS)
    forgive(cut)


def test_a_changed_price_is_shown_in_an_open_room_within_two_seconds(visit: Visit) -> None:
    alice, ruby = visit("alice"), visit("ruby")
    alice.enter_room_of("Ruby")
    follows(alice)
    first = alice.page.locator("#menu article").first
    title, before = first.locator(".title").inner_text(), first.locator(".btn .amt-t, .btn").first.inner_text()
    ruby.go(f"/admin/menus/menuitem/?q={title}")
    ruby.page.get_by_role("link", name=title).first.click()

    def save(price: str) -> None:
        ruby.page.locator("#id_price_tokens").fill(price)
        ruby.page.get_by_role("button", name="Save and continue editing").click()

    was = ruby.page.locator("#id_price_tokens").input_value()
    save("4321")
    expect(first.locator(".btn")).to_contain_text(re.compile("4.?321"), timeout=SHOWN_WITHIN_MS)
    assert before not in first.locator(".btn").inner_text()
    expect(alice.page.locator("#feed li").first).to_contain_text("The menu has changed.")
    save(was)
    expect(first.locator(".btn")).to_contain_text(was, timeout=WITHIN_MS)
    ruby.complaints.clear()  # of the back office, which is no page of ours


BURST = """
window.EventSource = class extends EventTarget {
  constructor() {
    super();
    let sent = 0, began = performance.now();
    const data = JSON.stringify({key: "queue.item.started", variables: {}, text: "x", at: "2026-11-25T09:30:00Z"});
    const send = id => this.dispatchEvent(new MessageEvent("queue.item.started", {data, lastEventId: id}));
    const timer = setInterval(() => {
      if (!sent) this.dispatchEvent(new Event("open"));
      sent += 1;
      send(`99999999999-${sent}`);
      send("99999999999-1");
      if (sent < 50) return;
      clearInterval(timer);
      document.body.dataset.tookMs = performance.now() - began;
    }, 20);
  }
  close() {}
}"""


def test_a_burst_of_events_is_read_at_most_twice_a_second_and_each_is_shown_once(visit: Visit) -> None:
    stranger = visit()
    stranger.page.add_init_script(BURST)
    seen = reads(stranger.page)

    stranger.enter_room_of("Ruby")
    body = stranger.page.locator("body[data-took-ms]")
    body.wait_for()
    took_s = float(body.get_attribute("data-took-ms") or 0) / 1_000

    assert 1 <= seen.count("live") <= 2 * took_s + 1, f"{took_s} s"
    ids = stranger.page.locator("#feed li").evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert len(ids) == len(set(ids)) == 30


def test_the_studio_announces_no_time_left_of_what_has_ended(visit: Visit) -> None:
    bob, ruby = visit("bob"), visit("ruby")
    bob.enter_room_of("Ruby")
    bob.ask_for(bob.page.locator("#menu article .title").first.inner_text())
    ruby.page.clock.install()
    ruby.go("/studio")
    spoken, now = ruby.page.locator("#ring-spoken"), ruby.page.locator("#now")
    ruby.page.wait_for_function("document.querySelector('.ring[data-deadline]')")

    for _ in range(200):
        ruby.page.clock.run_for(1_000)
        if "seconds left" in (spoken.text_content() or ""):
            break
    expect(spoken).to_have_text(re.compile("seconds left"))
    bob.page.locator("#place").get_by_role("button", name=re.compile("Leave")).first.click()
    expect(bob.page.locator("#place")).to_contain_text("are back")
    for _ in range(50):
        ruby.page.clock.run_for(1_000)
        if "No one in line" in now.inner_text():
            break

    expect(now).to_contain_text("No one in line")
    ruby.page.clock.run_for(1_000)
    expect(spoken).to_have_text("")
