"""Pages while points live in RedRoomRewards: linking, balances, and what is told while it is away."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from loyalty.models import KnownBalance, Link, LinkIntent, OperationState, RemoteOperation
from loyalty.tests.linking.linked import PROOF, as_in_a_new_process, credit, linked, living_there, member
from tests.clock import Clock
from tests.standin import StandIn
from tests.world import performer, person, staff
from xxxchat.pages.tests.visiting import HTMX, html, send, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def standin(settings: Any) -> Iterator[StandIn]:
    with living_there(settings) as running:
        yield running


def away(standin: StandIn) -> None:
    standin.steering.fault("error_503", rate=1)


def code_page(user: User) -> tuple[Any, str]:
    """A visitor with a code on the page."""
    browser = visitor(user)
    send(browser, html(browser.get(reverse("loyalty"))), reverse("loyalty-code"))
    return browser, html(browser.get(reverse("loyalty")))


def confirm(browser: Any, page: str, number: str, proof: str = PROOF) -> Any:
    return send(browser, page, reverse("loyalty-confirm"), member=number, proof=proof)


def test_two_steps_link_a_membership_without_a_script(standin: StandIn) -> None:
    user, joined = person(), member(standin, balance=8_450)
    browser, page = code_page(user)
    assert LinkIntent.objects.get().link_code in page
    assert re.search(r"Good until <time[^>]*>\d\d:\d\d UTC</time>", page)
    assert re.search(r"9:5\d left", page)

    answer = confirm(browser, page, joined.member_id)

    assert answer["Location"] == reverse("loyalty")
    done = html(browser.get(reverse("loyalty")))
    assert "Linked." in done
    assert re.search(r"8,450 points as of <time", done)
    assert joined.member_id in done


def test_a_script_gets_the_steps_with_a_code_and_what_was_typed(standin: StandIn) -> None:
    user = person()
    browser = visitor(user)
    page = html(browser.get(reverse("loyalty")))

    part = html(send(browser, page, reverse("loyalty-code"), headers=HTMX, member="RR-204 118"))

    assert "<h1" not in part
    assert LinkIntent.objects.get().link_code in part
    assert 'value="RR-204 118"' in part


def test_a_page_that_is_loaded_asks_redroomrewards_for_nothing(standin: StandIn) -> None:
    browser, before = visitor(person()), standin.steering.stats()["connections"]

    assert "Show my code" in html(browser.get(reverse("loyalty")))
    assert standin.steering.stats()["connections"] == before
    assert not LinkIntent.objects.exists()


def test_a_wrong_confirmation_is_under_its_field_and_the_code_stays(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    browser, page = code_page(user)

    answer = confirm(browser, page, joined.member_id, "000000")

    shown = html(answer)
    assert answer.status_code == 400
    assert "This does not fit the member number and the code. The code stays good." in shown
    assert 'aria-invalid="true"' in shown
    assert f'value="{joined.member_id}"' in shown
    assert LinkIntent.objects.get().link_code in shown
    assert confirm(browser, shown, joined.member_id).status_code == 302


def test_empty_fields_are_asked_for(standin: StandIn) -> None:
    browser, page = code_page(person())

    answer = confirm(browser, page, "", "")

    assert answer.status_code == 400
    assert html(answer).count("This field is required.") == 2


def test_a_membership_of_another_account_is_told_under_its_number(standin: StandIn) -> None:
    taken = Link.objects.get(user=linked(standin)).member_id
    browser, page = code_page(person())

    answer = confirm(browser, page, taken)

    assert answer.status_code == 409
    assert "This membership is linked to another account. Write to support." in html(answer)


def test_a_code_that_ran_out_offers_a_new_one(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    browser, page = code_page(user)
    row = LinkIntent.objects.get()
    page = page.replace(str(row.pk), str(_run_out(user, row)))

    answer = confirm(browser, page, joined.member_id)

    assert answer.status_code == 409
    assert "The code has run out." in html(answer)


def _run_out(user: User, like: LinkIntent) -> Any:
    old = LinkIntent.objects.create(
        user=user, intent_id="old", link_code="OLD", expires_at=like.created_at, created_at=like.created_at
    )
    return old.pk


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_no_code_while_it_is_away(standin: StandIn, headers: dict[str, str]) -> None:
    browser = visitor(person())
    page = html(browser.get(reverse("loyalty")))
    away(standin)

    answer = send(browser, page, reverse("loyalty-code"), headers=headers)

    assert answer.status_code == (200 if headers else 503)
    assert "RedRoomRewards does not answer." in html(answer)
    assert "Try again" in html(answer)


def test_a_confirmation_while_it_is_away_keeps_the_code(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    browser, page = code_page(user)
    away(standin)

    answer = confirm(browser, page, joined.member_id)

    shown = html(answer)
    assert (answer.status_code, answer.headers["Retry-After"]) >= (503, "1")
    assert re.search(r"RedRoomRewards does not answer\..*Your code stays good until \d\d:\d\d UTC\.", shown)
    standin.steering.clear()
    as_in_a_new_process()
    assert confirm(browser, shown, joined.member_id).status_code == 302


def test_who_is_linked_is_led_to_the_membership(standin: StandIn) -> None:
    user = linked(standin)
    browser = visitor(user)
    page = html(browser.get(reverse("account")))
    assert "RedRoomRewards membership" in page
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', page)
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1]}

    assert browser.post(reverse("loyalty-code"), form)["Location"] == reverse("loyalty")
    assert browser.post(reverse("loyalty-code"), form, headers=HTMX)["HX-Redirect"] == reverse("loyalty")


@pytest.mark.parametrize("name", ["loyalty", "slots-points"])
def test_where_points_live_here_there_is_no_such_page(name: str) -> None:
    browser = visitor(person())

    assert browser.get(reverse(name)).status_code == 404
    assert "RedRoomRewards" not in html(browser.get(reverse("account")))


@pytest.mark.parametrize("make", [performer, staff])
def test_it_is_for_players(standin: StandIn, make: Any) -> None:
    assert visitor(make()).get(reverse("loyalty")).status_code == 403


def test_the_machine_before_linking_says_so_and_has_no_button_to_press(standin: StandIn) -> None:
    page = html(visitor(person()).get(reverse("slots")))

    assert "Link RedRoomRewards to spin." in page
    assert "Nothing was taken." in page
    assert f'href="{reverse("loyalty")}"' in page
    assert re.search(r"<form[^>]*data-api[^>]* hidden>", page)


def test_the_machine_shows_the_balance_and_what_is_on_its_way(standin: StandIn) -> None:
    user = linked(standin, balance=8_450)
    award = credit(user, 1_500)
    browser = visitor(user)

    page = html(browser.get(reverse("slots")))

    assert re.search(r'id="points".*8,450.*\+1,500.*on its way', page)
    assert f'hx-get="{reverse("slots-points")}"' in page
    RemoteOperation.objects.filter(pk=award.pk).update(
        state=OperationState.CONFIRMED, closed_at=award.created_at, new_balance=9_950
    )
    part = html(browser.get(reverse("slots-points")))
    assert "on its way" not in part
    assert "hx-get" not in part, "it is read no more"


def test_while_it_is_away_the_machine_rests_with_the_last_known_balance(standin: StandIn, clock: Clock) -> None:
    user = linked(standin, balance=8_450)
    browser = visitor(user)
    browser.get(reverse("slots"))
    clock.shift(minutes=5)
    away(standin)

    page = html(browser.get(reverse("slots")))

    assert re.search(r'id="points".*8,450.*as of.*RedRoomRewards does not answer', page)
    assert re.search(r'<button[^>]*data-rests aria-disabled="true"', page)
    assert "HX-Refresh" not in browser.get(f"{reverse('slots-points')}?away=1")
    standin.steering.clear()
    as_in_a_new_process()
    assert browser.get(f"{reverse('slots-points')}?away=1")["HX-Refresh"] == "true"


def test_the_wallet_shows_points_from_there_and_what_became_of_them(standin: StandIn) -> None:
    user = linked(standin, balance=8_450, tokens=40, points=777)
    credit(user, 1_500)
    browser = visitor(user)

    tokens = html(browser.get(reverse("wallet")))
    points = html(browser.get(f"{reverse('wallet')}?of=points"))

    for page in (tokens, points):
        assert "8,450" in page
        assert "777" not in page
        assert "+1,500 on its way" in page
    assert "Won, on its way" in points
    assert "as CSV" in tokens
    assert "as CSV" not in points


def test_the_statement_of_points_is_read_page_by_page(standin: StandIn) -> None:
    user = linked(standin)
    for _ in range(25):
        credit(user, 100)
    browser = visitor(user)

    first = html(browser.get(f"{reverse('wallet')}?of=points"))
    older = re.search(r'href="([^"]*before=[^"]*)"', first)

    assert older is not None
    second = html(browser.get(older[1].replace("&amp;", "&")))
    assert (first.count("Won, on its way"), second.count("Won, on its way")) == (20, 5)
    assert browser.get(f"{reverse('wallet')}?of=points&before=nonsense").status_code == 200


def test_every_page_has_the_last_known_balance_and_asks_nobody(standin: StandIn) -> None:
    user = linked(standin, balance=8_450)
    browser = visitor(user)
    assert "8,450" not in html(browser.get(reverse("lobby")))
    browser.get(reverse("wallet"))
    before = standin.steering.stats()["calls"]

    assert "8,450" in html(browser.get(reverse("lobby")))
    assert standin.steering.stats()["calls"] == before
    assert KnownBalance.objects.count() == 1
