"""One stack and one browser for all of these tests; each leaves the queues as empty as it found them."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visiting import Visitor, visitor
from xxxchat.stack import Stack

ENV = {"SLOTS_MIN_INTERVAL_MS": "0"}


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of a whole stack with the demo's world, free of an interval between spins."""
    with Stack(env=ENV) as stack:
        yield stack.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file: its driver keeps an event loop running, under which Django refuses the tests after it."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM_PATH") or "/usr/bin/chromium"
        launched = playwright.chromium.launch(executable_path=path, headless=True, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """Open browsers for people (`by` another address of the site); at the end none of them may have complained."""
    visitors: list[Visitor] = []

    def opened(username: str = "", *, by: str = site, **context: Any) -> Visitor:
        one = visitor(browser, by, **context)
        visitors.append(one)
        if username:
            one.sign_in(username)
        return one

    yield opened
    complaints = [complaint for one in visitors for complaint in one.complaints]
    for one in visitors:
        one.page.context.close()
    assert complaints == []
