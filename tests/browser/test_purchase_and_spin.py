"""The main job as people do it: spin, buy, wait, perform, be paid, be refunded."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.visiting import PHONE, Visitor, number

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
FOLLOWS_WITHIN_MS = 10_000


def test_a_spin_moves_the_balance_and_proves_itself(visit: Visit) -> None:
    alice = visit("alice")
    alice.sit_down_at_the_machine()
    before, result = alice.purse("p"), alice.page.locator(".result")

    alice.page.get_by_role("button", name=re.compile("Spin")).click()

    expect(result).to_contain_text("Proof checked in your browser", timeout=FOLLOWS_WITHIN_MS)
    drawn = alice.page.get_by_role("img", name=re.compile("^Reels: ")).get_attribute("aria-label")
    row = alice.page.locator("#history tbody tr").first
    expect(row.locator("td").nth(1).locator(".sr")).to_have_text((drawn or "").removeprefix("Reels: "))
    paid = number(row.locator("td").nth(2).inner_text())
    expect(alice.page.locator("#purse .amt-p")).to_contain_text(f"{before - 100 + paid:,}")
    expect(alice.page.get_by_role("button", name=re.compile(r"Spin.*100"))).to_be_enabled(timeout=FOLLOWS_WITHIN_MS)


def test_a_spin_in_a_room_leaves_the_room_as_it_is(visit: Visit) -> None:
    bob = visit("bob", viewport=PHONE, reduced_motion="reduce")
    bob.enter_room_of("Ruby")
    room, loads = bob.page.url, bob.page.evaluate("performance.timeOrigin")

    bob.spin_in_the_room()

    assert bob.page.url == room
    assert bob.page.evaluate("performance.timeOrigin") == loads
    expect(bob.page.locator("#slots-facts")).to_contain_text(f"{bob.purse('p'):,}")
    bob.page.locator("#slots").get_by_role("link", name="Time and result").click()
    sheet = bob.page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name=re.compile("You have played for"))).to_be_focused()
    sheet.get_by_role("button", name="Keep playing").click()
    expect(sheet).to_be_hidden()
    expect(bob.page.locator("#toasts")).to_contain_text("The next reality check is in 30 minutes.")


def test_the_space_bar_spins_once_however_long_it_is_held(visit: Visit) -> None:
    carol = visit("carol")
    carol.sit_down_at_the_machine()

    carol.page.keyboard.down("Space")
    carol.page.keyboard.down("Space")
    carol.page.keyboard.up("Space")

    expect(carol.page.locator("#history tbody tr")).to_have_count(1, timeout=FOLLOWS_WITHIN_MS)
    expect(carol.page.locator(".result")).to_contain_text("Proof checked", timeout=FOLLOWS_WITHIN_MS)


def test_reduced_motion_shows_the_result_without_moving_reels(visit: Visit) -> None:
    bob = visit("bob", reduced_motion="reduce")
    bob.sit_down_at_the_machine()

    bob.page.get_by_role("button", name=re.compile("Spin")).click()

    expect(bob.page.locator(".result")).to_contain_text("Proof checked", timeout=FOLLOWS_WITHIN_MS)
    assert bob.page.locator(".strip").count() == 0


def test_a_buyer_follows_a_performance_from_the_queue_to_the_payment(visit: Visit) -> None:
    alice, ruby = visit("alice"), visit("ruby", viewport=PHONE)
    alice.enter_room_of("Ruby")
    before = alice.purse("t")
    title = alice.page.locator("#menu article .title").first.inner_text()

    alice.ask_for(title, note="Rain on a tin roof")

    place = alice.page.locator("#place")
    expect(place).to_contain_text("You are next")
    price = number(place.locator(".promise").inner_text().split("tokens")[0])
    assert alice.purse("t") == before - price
    expect(alice.page.locator("#queue li")).to_have_count(1)

    ruby.go("/studio")
    expect(ruby.page.locator("#now")).to_contain_text("Rain on a tin roof")
    earned = ruby.purse("t")
    ruby.page.get_by_role("button", name="Start now").click()
    expect(place).to_contain_text("You are on stage now", timeout=FOLLOWS_WITHIN_MS)
    expect(alice.page.locator("#onair")).to_contain_text(title)

    ruby.page.get_by_role("button", name=re.compile("Finish and collect")).click()
    expect(place).to_contain_text(f"{price} tokens paid.", timeout=FOLLOWS_WITHIN_MS)
    expect(alice.page.locator("#queue")).to_contain_text("No one in line")
    expect(ruby.page.locator("#purse .amt-t")).to_contain_text(f"{earned + price:,}")
    assert alice.purse("t") == before - price


def test_a_split_adds_up_as_it_is_typed_and_comes_back_to_the_buyer(visit: Visit) -> None:
    bob, jade = visit("bob"), visit("jade")
    bob.enter_room_of("Jade")
    before = bob.purse("t")
    bob.ask_for(bob.page.locator("#menu article .title").first.inner_text())
    price = before - bob.purse("t")
    jade.go("/studio")
    jade.page.get_by_role("button", name="Start now").click()

    jade.page.get_by_role("button", name="Split…").click()
    dialog = jade.page.get_by_role("dialog")
    dialog.get_by_label("You collect").fill("1")
    expect(dialog.get_by_label(re.compile("gets back"))).to_have_value(str(price - 1))
    dialog.get_by_label("Reason").fill("The connection dropped")
    dialog.get_by_role("button", name="Finish and split").click()

    expect(dialog).to_be_hidden()
    expect(bob.page.locator("#place")).to_contain_text(
        f"{price - 1} of {price} tokens are back", timeout=FOLLOWS_WITHIN_MS
    )
    expect(bob.page.locator("#purse .amt-t")).to_contain_text(f"{before - 1:,}")


def test_leaving_the_queue_gives_the_tokens_back_at_once(visit: Visit) -> None:
    carol = visit("carol", viewport=PHONE)
    carol.enter_room_of("Jade")
    before = carol.purse("t")
    carol.ask_for(carol.page.locator("#menu article .title").first.inner_text())

    carol.page.get_by_role("button", name=re.compile("Leave")).click()

    expect(carol.page.locator("#purse .amt-t")).to_contain_text(f"{before:,}")
    expect(carol.page.locator("#place")).to_contain_text("are back")


def test_a_paused_queue_refuses_in_the_dialog(visit: Visit) -> None:
    alice, ruby = visit("alice"), visit("ruby")
    alice.enter_room_of("Ruby")
    ruby.go("/studio")
    ruby.page.locator("#pause").click()
    expect(ruby.page.locator("#studio-badges")).to_contain_text("Paused")

    alice.page.locator("#menu article .btn").first.click()
    alice.page.get_by_role("dialog").get_by_role("button", name=re.compile("Hold")).click()

    expect(alice.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("paused the line.")
    ruby.page.locator("#resume").click()
    expect(ruby.page.locator("#studio-badges")).to_contain_text("Line open")


def test_a_poll_that_comes_late_disturbs_no_command(visit: Visit) -> None:
    bob, carol, ruby = visit("bob"), visit("carol"), visit("ruby")
    for buyer in (bob, carol):
        buyer.enter_room_of("Ruby")
        buyer.ask_for(buyer.page.locator("#menu article .title").first.inner_text())
    ruby.go("/studio")
    late: list[Route] = []
    is_over: list[bool] = []  # whatever the studio asks then is answered

    def held(route: Route) -> None:
        if is_over:
            route.continue_()
        else:
            late.append(route)

    with ruby.page.expect_request("**/studio/live*", timeout=FOLLOWS_WITHIN_MS):
        ruby.page.route("**/studio/live*", held)
        carol.page.get_by_role("button", name=re.compile("Leave")).first.click()
    ruby.page.get_by_role("button", name="Start now").click()
    finish = ruby.page.get_by_role("button", name=re.compile("Finish and collect"))
    expect(finish).to_be_visible()
    is_over.append(True)
    with ruby.page.expect_response("**/studio/live*"):
        for route in late:
            route.continue_()
    ruby.page.unroute("**/studio/live*")

    finish.click()
    expect(ruby.page.locator("#now")).to_contain_text("No one in line")


def test_on_a_phone_no_message_covers_the_button_that_comes_next(visit: Visit) -> None:
    carol, ruby = visit("carol"), visit("ruby", viewport=PHONE)
    carol.enter_room_of("Ruby")
    carol.ask_for(carol.page.locator("#menu article .title").first.inner_text())
    ruby.go("/studio")

    ruby.page.get_by_role("button", name="Start now").click()
    message, finish = ruby.page.locator("#toasts .toast"), ruby.page.locator("#finish")
    expect(message).to_be_visible()
    expect(finish).to_be_visible()
    notice, button = message.bounding_box(), finish.bounding_box()
    assert notice is not None
    assert button is not None
    assert notice["y"] + notice["height"] <= button["y"]

    finish.click()
    expect(ruby.page.locator("#now")).to_contain_text("No one in line")


def test_everything_can_be_done_without_a_script(visit: Visit) -> None:
    carol = visit("carol", java_script_enabled=False)
    carol.enter_room_of("Ruby")
    before = carol.purse("t")

    carol.page.locator("#menu article .btn").first.click()
    carol.page.get_by_role("button", name=re.compile("Hold")).click()
    expect(carol.page.get_by_role("status").first).to_contain_text("tokens held.")
    carol.page.get_by_role("button", name=re.compile("Leave")).click()
    expect(carol.page.get_by_role("status").first).to_contain_text("are back.")
    assert carol.purse("t") == before

    carol.page.get_by_role("button", name=re.compile("Play")).click()
    carol.page.locator("#slots").get_by_role("button", name=re.compile("Spin")).click()
    expect(carol.page.get_by_role("heading", level=1)).to_contain_text("Ruby")
    carol.go("/slots")
    expect(carol.page.locator("#fairness")).to_contain_text("this proof rests on our word")
