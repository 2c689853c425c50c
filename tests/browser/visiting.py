"""People at browsers, and what their browsers complained about."""

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, expect

PASSWORD = "demo-only-password"
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 360, "height": 740}
WIDE = {"width": 1280, "height": 900}
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)  # of whatever is not promised sooner


@dataclass
class Visitor:
    """One browser context with one page. `complaints` are console errors, refused by the policy or thrown."""

    site: str
    page: Page
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}")

    def go_away(self) -> None:
        """Leave the site: streams end, polls stop. Raises if the page cannot be left."""
        self.page.goto("about:blank")

    def sign_in(self, username: str) -> None:
        self.go("/sign-in")
        self.page.get_by_label("Name").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("link", name=re.compile("^Account"))).to_be_visible()

    def enter_room_of(self, name: str) -> None:
        self.go("/")
        self.page.get_by_role("link", name=re.compile(name)).first.click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(re.compile(name))

    def sit_down_at_the_machine(self) -> None:
        """Open the slot machine and wait until its script listens."""
        self.go("/slots")
        expect(self.page.get_by_role("button", name="Sound is off")).to_be_visible()

    def spin_in_the_room(self) -> None:
        """Open the slot machine in the room that is shown and its script, spin once, and wait for the proof."""
        card = self.page.locator("#slots")
        card.get_by_role("button", name=re.compile("Play")).click()
        self.page.locator("#slots[data-ready]").wait_for()
        card.get_by_role("button", name=re.compile("Spin")).click()
        expect(card.locator(".result")).to_contain_text("Proof checked in your browser")

    def purse(self, glyph: str) -> int:
        """What the purse shows of a currency: "t" tokens, "p" points."""
        return number(self.page.locator(f"#purse .amt-{glyph}").inner_text())

    def ask_for(self, title: str, note: str = "") -> None:
        """Press an item's price, and hold it in the dialog."""
        self.page.locator("article", has_text=title).first.locator(".btn").click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog.get_by_role("heading", name=title)).to_be_focused()
        dialog.get_by_label(re.compile("Note to")).fill(note)
        dialog.get_by_role("button", name=re.compile("Hold")).click()
        expect(dialog).to_be_hidden()

    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        measured: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return measured


def number(text: str) -> int:
    return int(re.sub(r"[^\d]", "", text))


def visitor(browser: Browser, site: str, **context: Any) -> Visitor:
    """Open a browser context of its own and listen to it."""
    made = browser.new_context(**{"viewport": WIDE, **context})
    made.set_default_timeout(PATIENCE_MS)
    one = Visitor(site, made.new_page())
    one.page.on("console", lambda message: one.complaints.append(message.text) if message.type == "error" else None)
    one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
    return one
