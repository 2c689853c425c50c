"""What every page does: its content security policy, signing in first, 404, the logo's name."""

import re

import pytest
from django.urls import reverse

from tests import world
from xxxchat.pages.tests.visiting import html, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("page", ["lobby", "slots", "requests", "wallet", "account"])
def test_pages_carry_a_strict_policy_and_no_inline_code(page: str) -> None:
    answer = visitor(world.person("alice", points=1_000)).get(reverse(page))

    policy, text = answer.headers["Content-Security-Policy"], html(answer)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in text
    assert "hx-on" not in text
    assert "<script>" not in text


@pytest.mark.parametrize("page", ["slots", "requests", "wallet", "account", "studio"])
def test_personal_pages_ask_to_sign_in(page: str) -> None:
    answer = visitor().get(reverse(page))

    assert answer.headers["Location"] == f"{reverse('sign-in')}?next={reverse(page)}"


def test_an_unknown_address_has_a_404_page() -> None:
    answer = visitor().get("/nowhere")

    assert answer.status_code == 404
    assert "There is nothing at this address" in html(answer)


@pytest.mark.parametrize("page", ["/studio", "/", "/rooms/{ruby}"])
def test_the_logos_accessible_name_begins_with_the_word_that_is_shown(page: str) -> None:
    ruby = world.performer("ruby")

    for user in (ruby, world.person("alice")):
        text = html(visitor(user).get(page.format(ruby=ruby.pk)))
        logos = re.findall(r'class="brand[^"]*" href="[^"]*" aria-label="([^"]+)">.*?<span>([^<]+)</span>', text)
        assert logos or (page == "/studio" and user is not ruby)
        assert all(name.startswith(f"{shown.strip()}, ") for name, shown in logos), logos
