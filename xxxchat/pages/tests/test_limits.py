"""The pages of limits, breaks, terms and the reality check; every form works without a script."""

import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from compliance.services import limits_of
from slots.tests.factories import play
from tests import world
from tests.clock import Clock
from xxxchat.pages.tests.visiting import fields, html, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=500, points=100_000)


def seen(user: User, name: str = "limits", query: str = "") -> str:
    answer = visitor(user).get(f"{reverse(name)}{query}")
    assert answer.status_code == 200, answer.content
    return html(answer)


def send(user: User, page: str, name: str, **typed: Any) -> str:
    """Send the first form with that address, and return the page that follows."""
    browser = visitor(user)
    first = html(browser.get(page))
    answer = browser.post(reverse(name), fields(first, reverse(name)) | typed, follow=True)
    assert answer.status_code == 200, answer.content
    return html(answer)


def test_what_holds_is_shown_and_a_lower_limit_holds_at_once(alice: User) -> None:
    play(user=alice)
    before = seen(alice)
    assert "of 10,000 used · 9,900 left" in before
    assert "The house’s limit, the same for everybody. You have set none. Suggested: 2,500." in before

    after = send(alice, reverse("limits"), "limit-change", limit="2500")
    assert "A lower limit holds from now" in after
    assert "of 2,500 used · 2,400 left" in after


def test_a_higher_one_waits_is_dropped_or_confirmed(alice: User, clock: Clock) -> None:
    send(alice, reverse("limits"), "limit-change", limit="2500")
    waiting = send(alice, reverse("limits"), "limit-change", limit="3000")
    assert "3,000 is waiting" in waiting
    assert "2,500 holds" in waiting
    assert reverse("limit-confirm") not in waiting

    dropped = send(alice, reverse("limits"), "limit-change")
    assert "is waiting" not in dropped

    browser = visitor(alice)
    page = html(browser.get(reverse("limits")))
    facts = fields(page, reverse("limit-change"))
    browser.post(reverse("limit-change"), facts | {"limit": ""})
    assert "No limit is waiting" in seen(alice)
    clock.shift(hours=24)
    assert "No limit is ready to confirm" in seen(alice)
    send(alice, reverse("limits"), "limit-confirm")
    assert limits_of(user=alice).limits[0].limit is None


def test_one_press_sets_a_limit_that_is_offered(alice: User) -> None:
    offered = seen(alice)
    assert 'name="choice" value="2500"' in offered
    assert 'name="choice" value=""' not in offered, "there is no limit to lift"

    after = send(alice, reverse("limits"), "limit-change", choice="2500", limit="9999")

    assert limits_of(user=alice).limits[0].limit == 2_500
    assert 'name="choice" value="1250"' in after
    assert 'name="choice" value=""' in after


def test_when_what_was_spent_comes_back_is_said(alice: User) -> None:
    assert "come back at" not in seen(alice)

    play(user=alice)
    play_at = limits_of(user=alice).limits[0]

    assert play_at.used == 100
    assert seen(alice).count("The next 100 come back at") == 3, "one for each window of points"


def test_what_waits_names_the_time_and_what_is_ready_the_amount(alice: User, clock: Clock) -> None:
    send(alice, reverse("limits"), "limit-change", limit="2500")
    waiting = send(alice, reverse("limits"), "limit-change", limit="3000")
    assert re.search('aria-disabled="true"> <span>Confirm from <time', waiting)

    clock.shift(hours=24)

    ready = seen(alice)
    assert "Confirm 3,000" in ready
    assert "2,500 holds until you confirm." in ready


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "1" * 11, "a", "1000000001"])
def test_no_amount_is_refused_with_its_reason(alice: User, typed: str) -> None:
    after = send(alice, reverse("limits"), "limit-change", limit=typed)

    assert 'role="alert"' in after
    assert limits_of(user=alice).limits[0].limit is None


def test_a_limit_above_the_houses_names_it(alice: User) -> None:
    assert "10,000" in send(alice, reverse("limits"), "limit-change", limit="10001")
    assert limits_of(user=alice).limits[0].limit is None


def test_a_break_is_repeated_before_it_begins_and_then_bars(alice: User) -> None:
    asked = reverse("time-out") + "?duration=7d"
    assert "nobody can shorten it: not you, not support" in seen(alice, "time-out", "?duration=7d")
    assert limits_of(user=alice).time_out is None

    after = send(alice, asked, "time-out")
    assert "Break until" in after
    assert 'name="duration" value="24h"' not in after
    assert 'name="duration" value="42d"' in after


def test_an_exclusion_warns_plainly_and_only_longer_ones_are_left(alice: User) -> None:
    warned = seen(alice, "exclusion", "?duration=12m")
    assert "This cannot be undone" in warned
    assert "a new account with your e-mail is excluded too" in warned

    after = send(alice, reverse("exclusion") + "?duration=12m", "exclusion")
    assert "Excluded until" in after
    assert 'name="duration" value="6m"' not in after
    assert 'name="duration" value="forGood"' in after
    assert "Excluded for good" in send(alice, reverse("exclusion") + "?duration=forGood", "exclusion")


@pytest.mark.parametrize("name", ["time-out", "exclusion"])
@pytest.mark.parametrize("query", ["", "?duration=", "?duration=1h", "?duration=%00"])
def test_another_length_is_no_choice(alice: User, name: str, query: str) -> None:
    assert visitor(alice).get(f"{reverse(name)}{query}").status_code == 400


def test_the_terms_are_read_and_accepted(alice: User) -> None:
    assert "You accepted this version" in seen(alice, "terms")
    world.new_terms()
    assert "Version 2" in seen(alice, "terms")

    assert "You accepted this version" in send(alice, reverse("terms"), "terms")


def test_a_due_check_leads_to_its_page_and_play_goes_on_from_there(alice: User, clock: Clock) -> None:
    assert "You are not playing now" in seen(alice, "reality")
    play(user=alice)
    clock.shift(minutes=20)
    play(user=alice)
    clock.shift(minutes=11)

    due = send(alice, reverse("slots"), "spin")
    assert "You have played for 31 minutes" in due
    assert send(alice, reverse("reality"), "reality").count("The next reality check is in 30 minutes") == 1
    assert play(user=alice)


def test_strangers_read_the_terms_and_accept_nothing() -> None:
    browser = visitor()
    page = html(browser.get(reverse("terms")))

    assert "Version 1" in page
    assert f'action="{reverse("terms")}"' not in page
    token = browser.cookies["csrftoken"].value if "csrftoken" in browser.cookies else ""
    assert browser.post(reverse("terms"), {"version": "1", "csrfmiddlewaretoken": token}).status_code in (401, 403)


@pytest.mark.parametrize("name", ["limits", "reality", "time-out", "exclusion"])
def test_only_users_have_limits(name: str) -> None:
    assert visitor(world.performer()).get(reverse(name)).status_code == 403


@pytest.mark.parametrize("name", ["limits", "reality", "time-out", "exclusion"])
def test_strangers_sign_in_first(name: str) -> None:
    assert visitor().get(reverse(name)).headers["Location"].startswith(reverse("sign-in"))
