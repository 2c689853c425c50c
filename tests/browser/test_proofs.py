"""A spin's page in a browser: which seals it accepts, which it names, and what it says where there is none."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.stack
Visit = Callable[..., Visitor]
SEAL = re.compile(r'("sealedBefore": )(null|"[0-9a-f]{64}")')


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ('"' + "ab" * 32 + '"', "The proof does not fit. Keep this page and tell us."),
        ("null", "Whether it was sealed before the spin is not checked."),
    ],
    ids=["forged", "none"],
)
def test_what_the_spin_before_it_sealed_decides(visit: Visit, stored: str, words: str) -> None:
    alice = visit("alice")
    alice.enter_room_of("Ruby")
    alice.spin_in_the_room()
    alice.go("/slots/history")
    alice.page.locator(".past-row").first.click()
    expect(alice.page.get_by_text("Proof checked in your browser")).to_be_visible()

    def altered(route: Route) -> None:
        answer = route.fetch()
        text, changes = SEAL.subn(rf"\g<1>{stored}", answer.text())
        assert changes == 1
        route.fulfill(response=answer, body=text)

    alice.page.route(alice.page.url, altered)
    alice.page.reload()

    expect(alice.page.locator("[data-proof-result]")).to_contain_text(words)
