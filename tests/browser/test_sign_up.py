"""A newcomer's pages: without a script, by keyboard, without an accessibility violation."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.ids import new_id
from tests.browser.test_every_page import looked_over
from tests.browser.visiting import Visitor
from tests.conftest import Site

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
PASSWORD = "words-nobody-guesses"


def fill(one: Visitor, name: str, year: str = "1994") -> None:
    one.go("/sign-up")
    page = one.page
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    page.get_by_label("Name in the rooms").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    for label, text in (("Day", "3"), ("Month", "11"), ("Year", year)):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label(re.compile("I have read the terms")).check()


def mailed_link(site: Site, to: str) -> str:
    """The path of the link in the newest mail to an address."""
    files = sorted(Path(site.stack.environment["MAIL_FOLDER"]).iterdir())
    text = next(text for file in reversed(files) if f"To: {to}" in (text := file.read_text()))
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found is not None
    return found[1]


def test_a_newcomer_needs_no_script(visit: Visit, running_site: Site) -> None:
    one = visit(java_script_enabled=False)
    name = f"river{new_id().hex[-10:]}"
    fill(one, name)
    one.page.get_by_role("button", name="Create account").press("Enter")
    expect(one.page.get_by_role("heading", level=1)).to_have_text(f"Open the e-mail to {name}@example.org")

    one.go(mailed_link(running_site, f"{name}@example.org"))
    one.page.get_by_role("button", name="Confirm").click()
    expect(one.page.get_by_text("Your e-mail address is confirmed")).to_be_visible()
    one.page.get_by_label("Name").fill(name)
    one.page.get_by_label("Password").fill(PASSWORD)
    one.page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(one.page.get_by_role("link", name=re.compile("^Account"))).to_be_visible()

    one.go("/account")
    expect(one.page.get_by_text("Being checked")).to_be_visible()


def test_the_pages_of_a_newcomer(visit: Visit) -> None:
    one = visit()
    one.go("/sign-up")
    faults = looked_over(one)
    one.page.get_by_role("button", name="Create account").click()
    expect(one.page.get_by_label("E-mail")).to_be_focused()
    faults += looked_over(one)

    fill(one, f"river{new_id().hex[-10:]}", year=str(datetime.now(UTC).year - 5))
    one.page.get_by_role("button", name="Create account").click()
    expect(one.page.get_by_role("alert")).to_contain_text("You must be 18")
    faults += looked_over(one)

    fill(one, f"river{new_id().hex[-10:]}")
    one.page.get_by_role("button", name="Create account").click()
    expect(one.page.get_by_role("heading", level=1)).to_contain_text("Open the e-mail")
    faults += looked_over(one)
    one.go("/confirm/nothing")
    faults += looked_over(one)

    assert not faults, "\n".join(faults)
    assert [each for each in one.complaints if not re.search("40[034]", each)] == []
    one.complaints.clear()
