"""A newcomer's pages: without a script, by keyboard, without an accessibility violation."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    NumericPasswordValidator,
    UserAttributeSimilarityValidator,
)
from django.core.exceptions import ValidationError
from playwright.sync_api import expect

from accounts.models import User
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


def test_a_password_is_looked_at_while_it_is_typed(visit: Visit) -> None:
    one = visit()
    asked: list[str] = []
    one.go("/sign-up")
    expect(one.page.locator("[data-rule].is-met")).to_have_count(0)
    one.page.on("request", lambda request: asked.append(request.url))
    rules, said = one.page.locator("[data-rule].is-met"), one.page.locator("[data-said]")
    one.page.get_by_label("Name in the rooms").fill("rivermoon")

    one.page.get_by_label("Password").press_sequentially("1234567")
    expect(rules).to_have_text(["Unlike your name and e-mail"])
    expect(said).to_have_text("Password: 7 of 8 characters")
    one.page.get_by_label("Password").fill("rivermoon1")
    expect(rules).to_have_text(["8 characters or more: 10 typed", "Not digits alone"])
    expect(said).to_have_text("Password: too much like your name or e-mail")
    expect(one.page.locator(".is-broken")).to_have_text(["Too much like your name or e-mail"])
    faults = looked_over(one)
    one.page.get_by_label("Password").fill(PASSWORD)
    expect(rules).to_have_count(3)
    expect(said).to_have_text(f"Password: {len(PASSWORD)} characters, good")
    faults += looked_over(one)

    assert not faults, "\n".join(faults)
    assert asked == [], "what is typed stays in the browser"


def test_the_browser_judges_as_the_server_does(visit: Visit) -> None:
    """Length, digits and likeness; known passwords are the server's alone."""
    words = ("", "r", "river", "river_42", "moon-river@example.org", "RIVER 42", "Straße", "émile", "😀" * 4)
    passwords = (
        *words,
        "river42!",
        "vireriver",
        "12345678",
        "٣" * 9,
        "xriver_42x",
        "example.org",
        "nobody-guesses",
        "r" * 99,
    )
    cases = [
        (password, name, mail) for password in passwords for name in words for mail in ("", "moon-river@example.org")
    ]
    one = visit()
    one.go("/sign-up")

    found = one.page.evaluate(
        """async cases => {
          const {judged} = await import("/static/js/password.js");
          return cases.map(([password, ...texts]) => judged(password, {least: 8, texts}));
        }""",
        cases,
    )

    for (password, name, mail), judged in zip(cases, found, strict=True):
        person = User(username=name, email=mail)
        rules = {
            "length": MinimumLengthValidator(), "mixed": NumericPasswordValidator(),
            "own": UserAttributeSimilarityValidator(),
        }  # fmt: skip
        expected = {rule: bool(password) and passes(each, password, person) for rule, each in rules.items()}
        assert judged == expected, (password, name, mail)


def passes(validator: Any, password: str, person: User) -> bool:
    try:
        validator.validate(password, person)
    except ValidationError:
        return False
    return True


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
