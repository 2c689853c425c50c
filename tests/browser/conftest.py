"""One browser for each file of these tests; each test leaves the queues as empty as it found them.

A test ends by sending its pages away, which has a time limit. Closing a page or its context has none, and Chromium
forgets a close that meets a navigation in mid-commit (crbug.com/536385539), such as that of a form just sent: the
contexts end with their browser, which Playwright kills if it does not close.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visiting import Visitor, visitor
from tests.programs import program


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser for the block. Its driver keeps an event loop running, under which Django refuses to work."""
    with sync_playwright() as playwright:
        path = program("CHROMIUM_PATH", "chromium", "chromium-browser", "google-chrome")
        made = playwright.chromium.launch(executable_path=path, headless=True, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file, so that Django works again for the tests after it."""
    with launched() as made:
        yield made


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
        one.page.unroute_all()
        one.go_away()
    assert complaints == []
