"""The back office's pages of the slot machine and of ages, with data on them: what they show, and axe."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from core.ids import new_id
from slots.services.paytables import FILES
from tests.browser.test_every_page import looked_over
from tests.browser.test_sign_up import fill
from tests.browser.visiting import PHONE, WIDE, Visitor

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
SIZES = {"phone": PHONE, "wide": WIDE}


def test_the_queue_of_ages_with_a_case_and_a_decision(visit: Visit) -> None:
    newcomer, support = visit(), visit("support")
    fill(newcomer, f"river{new_id().hex[-10:]}")
    newcomer.page.get_by_role("button", name="Create account").click()
    expect(newcomer.page.get_by_role("heading", level=1)).to_contain_text("Open the e-mail")

    support.go("/admin/compliance/agecase/queue")
    waiting = support.page.get_by_role("region", name="Waiting, oldest first")
    expect(waiting.get_by_role("link").first).to_have_attribute("aria-current", "true")
    expect(support.page.get_by_text("years old today")).to_be_visible()
    faults = looked_over(support, SIZES)
    support.page.get_by_label("Reason").fill("Document agrees")
    support.page.get_by_role("button", name="Verify 18 or over").click()
    expect(support.page.get_by_text("Undo is a new decision with a reason.")).to_be_visible()
    expect(support.page.get_by_role("region", name="Decided last")).to_contain_text("Document agrees")
    faults += looked_over(support, SIZES)

    assert not faults, "\n".join(faults)


def test_a_paytables_sheet_with_its_difference_from_the_active_one(visit: Visit) -> None:
    games, admin = visit("games"), visit("admin")
    rules = json.loads((FILES / "classic-95-low.json").read_text())["table"]
    games.go("/admin/slots/paytable/draft/")
    games.page.get_by_label("Or paste it").fill(json.dumps(rules | {"version": new_id().int % 1_000_000 + 2}))
    games.page.get_by_label("Declared return").fill("19/20")
    faults = looked_over(games, SIZES)
    games.page.get_by_role("button", name="Compute and store").click()

    expect(games.page.get_by_text("You drafted this. A second person must approve it.")).to_be_visible()
    changed = games.page.locator(".is-changed")
    expect(changed).to_have_count(4)
    edges = changed.first.locator("th").evaluate("cell => getComputedStyle(cell).boxShadow")
    assert "rgb(180, 83, 9)" in edges or "rgb(255, 174, 99)" in edges, "amber, in either theme"
    expect(games.page.get_by_role("img", name=re.compile("Net points of 90 of 100 players"))).to_be_visible()
    faults += looked_over(games, SIZES)
    games.page.get_by_text("Show numbers").first.click()
    faults += looked_over(games, SIZES)
    admin.go(games.page.url.removeprefix(games.site).replace("/change/", "/approve/"))
    expect(admin.page.get_by_text("You did not draft this.")).to_be_visible()
    faults += looked_over(admin, SIZES)
    games.page.get_by_role("button", name="Ask them to look").click()
    expect(games.page.get_by_text(re.compile("Asked to look: admin, .* by games"))).to_be_visible()
    games.page.get_by_role("link", name="Discard…").click()
    games.page.get_by_label("Reason").fill("Made by a test")
    faults += looked_over(games, SIZES)
    games.page.get_by_role("button", name="Discard").click()
    expect(games.page.get_by_text("It is discarded.")).to_be_visible()

    assert not faults, "\n".join(faults)
