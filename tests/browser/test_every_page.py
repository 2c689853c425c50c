"""What must be true of every page: no sideways scroll, no accessibility violation, nothing against the policy."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.visiting import NARROW, PHONE, WIDE, Visitor

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
SIZES = {"narrow": NARROW, "phone": PHONE, "wide": WIDE, "smallest": {"width": 320, "height": 640}}
BUYER = (
    *("/", "/slots", "/requests", "/requests?show=done", "/wallet", "/account", "/account/second-factor", "/?q=nobody"),
    "/account/erase",
    *("/limits", "/limits/break?duration=24h", "/limits/exclude?duration=6m", "/terms", "/slots/reality"),
    *("/slots/history", "/slots/history?kind=wins&since=2020-01-01&until=2019-01-01"),
)


RISEN = "Promise.all(document.getAnimations().filter(a => a.animationName === 'rise').map(a => a.finished))"
"""A dialog fades in as it rises; its colours are looked at once it stands."""


def looked_over(one: Visitor, sizes: dict[str, dict[str, int]] = SIZES) -> list[str]:
    """Return what is wrong with the page as it stands, at each size."""
    faults = []
    for name, size in sizes.items():
        one.page.set_viewport_size({"width": size["width"], "height": size["height"]})
        if one.overflow() > 0:
            faults.append(f"{one.page.url} scrolls sideways by {one.overflow()} px on a {name} screen")
        one.page.evaluate(RISEN)
        found = Axe().run(one.page).response["violations"]
        faults += [f"{one.page.url} {name}: {each['id']} {each['nodes'][0]['html'][:160]}" for each in found]
    return faults


def test_a_buyers_pages(visit: Visit) -> None:
    alice = visit("alice")
    alice.enter_room_of("Ruby")
    alice.ask_for(alice.page.locator("#menu article .title").first.inner_text(), note="A waltz")
    faults = looked_over(alice)

    alice.page.locator("#menu article .btn").first.click()
    alice.page.get_by_role("dialog").get_by_role("heading").wait_for()
    faults += looked_over(alice)
    alice.enter_room_of("Ruby")
    alice.spin_in_the_room()
    faults += looked_over(alice)
    alice.page.locator("#slots").get_by_role("link", name="Time and result").click()
    alice.page.get_by_role("dialog").get_by_role("heading").wait_for()
    faults += looked_over(alice)
    alice.go("/slots/history")
    alice.page.locator(".past-row").first.click()
    expect(alice.page.get_by_text("Proof checked in your browser")).to_be_visible()
    faults += looked_over(alice)
    for path in BUYER:
        alice.go(path)
        faults += looked_over(alice)
    alice.go("/requests")
    alice.page.get_by_role("button", name=re.compile("Leave")).first.click()
    expect(alice.page.locator("#list")).to_contain_text("No open requests")

    assert not faults, "\n".join(faults)


def test_the_studio_with_a_head_and_a_started_item(visit: Visit) -> None:
    bob, ruby = visit("bob"), visit("ruby")
    bob.enter_room_of("Ruby")
    bob.ask_for(bob.page.locator("#menu article .title").first.inner_text(), note="x" * 200)
    ruby.go("/studio")
    faults = looked_over(ruby)

    ruby.page.get_by_role("button", name="Start now").click()
    ruby.page.get_by_role("button", name="Split…").click()
    ruby.page.get_by_role("dialog").get_by_role("heading").wait_for()
    faults += looked_over(ruby)
    ruby.go("/studio")
    faults += looked_over(ruby)
    ruby.page.get_by_role("button", name=re.compile("Finish and collect")).click()
    expect(ruby.page.locator("#now")).to_contain_text("No one in line")
    faults += looked_over(ruby)
    ruby.page.get_by_role("button", name="Request payout…").click()
    dialog = ruby.page.get_by_role("dialog")
    dialog.get_by_label("Tokens").fill("999")
    dialog.get_by_role("button", name="Request payout").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The least to pay out is 1,000 tokens.")
    faults += looked_over(ruby)
    for path in ("/wallet", "/account", "/studio/payout", "/"):
        ruby.go(path)
        faults += looked_over(ruby)

    assert not faults, "\n".join(faults)


def test_a_strangers_pages(visit: Visit) -> None:
    stranger = visit()
    faults = []
    for path in ("/", "/sign-in", "/password"):
        stranger.go(path)
        faults += looked_over(stranger)
    stranger.enter_room_of("Jade")
    faults += looked_over(stranger)

    assert not faults, "\n".join(faults)


def test_the_back_office(visit: Visit) -> None:
    staff = visit("admin")
    sizes = {"phone": PHONE, "wide": WIDE}
    faults = []
    pages = (
        "escrow/wallet/",
        "menus/menuitem/add/",
        "compliance/marker/",
        "slots/spin/statistics/",
        "loyalty/remoteoperation/overview/",
    )
    for path in ("/admin/", *(f"/admin/{page}" for page in pages)):
        staff.go(path)
        faults += looked_over(staff, sizes)
    staff.page.set_viewport_size({"width": WIDE["width"], "height": WIDE["height"]})
    staff.go("/admin/escrow/wallet/")
    staff.page.locator("#result_list [name=_selected_action]").first.check()
    staff.page.locator("select[name=action]").select_option("freeze_chosen")
    staff.page.locator("#changelist-form").evaluate("form => form.requestSubmit(form.querySelector('[name=index]'))")
    staff.page.locator(".office-preview").wait_for()
    faults += looked_over(staff, sizes)

    ruby = visit("ruby")
    ruby.go("/admin/menus/menu/")
    ruby.page.locator("#result_list tbody a").first.click()
    ruby.page.get_by_label("Price (tokens)").first.wait_for()
    faults += looked_over(ruby, sizes)

    assert not faults, "\n".join(faults)


def test_light_colours(visit: Visit) -> None:
    carol = visit("carol")
    carol.go("/account")
    carol.page.get_by_role("button", name="Light").click()
    faults = []
    for path in ("/", "/slots", "/slots/history", "/requests", "/account"):
        carol.go(path)
        faults += looked_over(carol, {"wide": WIDE})
    carol.enter_room_of("Ruby")
    faults += looked_over(carol, {"phone": PHONE})

    assert not faults, "\n".join(faults)


def test_the_pages_of_nothing(visit: Visit) -> None:
    stranger = visit()
    stranger.go("/nowhere")

    faults = looked_over(stranger)

    assert not faults, "\n".join(faults)
    assert [text for text in stranger.complaints if "404" not in text] == []
    stranger.complaints.clear()


def test_the_first_thing_that_tab_reaches_skips_to_the_content(visit: Visit) -> None:
    stranger = visit()
    stranger.go("/")

    stranger.page.keyboard.press("Tab")

    focused = stranger.page.locator(":focus")
    assert focused.get_attribute("href") == "#main"
    assert re.search("Skip", focused.inner_text())
