"""Sign-up: one account for a new address, none under 18, and the same answer for a known address."""

import re
from datetime import date, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from compliance.models import Break, InheritedExclusion, TermsAcceptance
from compliance.services.signing_up import email_hash
from core.clock import db_now
from escrow import services as escrow
from tests import world
from tests.clock import Clock
from tests.hostile.asking import contents
from tests.racing import race
from xxxchat.pages.tests.visiting import fields, html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "words-nobody-guesses"
EMAIL = "river@example.org"
FORM = {
    "email": EMAIL,
    "username": "river_42",
    "password": PASSWORD,
    "day": "3",
    "month": "11",
    "year": "1994",
    "terms": "on",
    "terms_version": "1",
}


def send(client: Client | None = None, /, **typed: str) -> Any:
    return (client or Client()).post(reverse("sign-up"), FORM | typed)


def link() -> str:
    found = re.search(r"https?://[^/]+(/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def token(username: str = "river_42") -> int:
    body = {"username": username, "password": PASSWORD}
    return Client().post("/api/v1/auth/token", body, content_type="application/json").status_code


def born(years: int, days: int = 0) -> dict[str, str]:
    """The date of birth of somebody whose birthday with that many years is so many days ahead."""
    today = db_now().date()
    on = date.fromordinal(today.toordinal() + days)
    return {"day": str(on.day), "month": str(on.month), "year": str(on.year - years)}


def test_a_newcomer_signs_up_confirms_and_is_unverified() -> None:
    client = visitor()
    hidden = fields(html(client.get(reverse("sign-up"))), reverse("sign-up"))
    sent = client.post(reverse("sign-up"), hidden | FORM)
    user = User.objects.get(username="river_42")

    assert sent.status_code == 200
    assert f"Open the e-mail to {EMAIL}" in html(sent)
    assert (user.email, user.date_of_birth, user.role) == (EMAIL, date(1994, 11, 3), "user")
    assert (user.verified_at, user.terms_version, user.email_confirmed_at) == (None, 1, None)
    assert TermsAcceptance.objects.filter(user=user, version__version=1).count() == 1
    assert {wallet.currency for wallet in escrow.wallets_of(user.pk)} == set(escrow.Currency)
    assert token() == 401, "the address is not confirmed"
    shown = Client().get(link())
    assert "Confirm your e-mail address" in html(shown)
    user.refresh_from_db()
    assert user.email_confirmed_at is None, "a mail program that opens links confirms nothing"
    assert Client().post(link())["Location"] == reverse("sign-in")
    assert token() == 200
    assert Client().post(link()).status_code == 404, "a link works once"


def test_an_unconfirmed_address_is_asked_for_at_sign_in_with_a_new_link() -> None:
    send()
    refused = Client().post(reverse("sign-in"), {"username": "river_42", "password": PASSWORD})
    wrong = Client().post(reverse("sign-in"), {"username": "river_42", "password": "wrong"})

    assert refused.status_code == 401
    assert "Confirm your e-mail address first" in html(refused)
    assert "We have sent it again" in html(refused)
    assert "Confirm" not in html(wrong)
    assert len(mail.outbox) == 2
    assert Client().post(link()).status_code == 302


@pytest.mark.parametrize("days", [1, 364])
def test_under_eighteen_makes_no_account_and_keeps_nothing(days: int) -> None:
    client = Client()
    client.get(reverse("lobby"))
    before = contents()

    refused = send(client, **born(18, days))

    text = html(refused)
    assert refused.status_code == 403
    assert "You must be 18" in text
    assert "No account was made and nothing you typed was kept. From " in text
    assert contents() == before
    assert not any(typed in text for typed in (EMAIL, "river_42", PASSWORD))
    assert "<form" not in text, "no second try on that page"
    assert mail.outbox == []


def test_faults_elsewhere_do_not_hide_that_somebody_is_too_young() -> None:
    assert send(email="nonsense", username="", **born(10)).status_code == 403


def test_on_the_eighteenth_birthday_one_may_sign_up() -> None:
    assert send(**born(18)).status_code == 200


def test_the_clock_of_the_database_decides_the_age(clock: Clock) -> None:
    assert send(**born(18, 2)).status_code == 403
    form = born(18, 2)

    clock.shift(days=2)

    assert send(**form).status_code == 200


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"day": "29", "month": "2", "year": "2001"}, "This day does not exist: February has 28 days."),
        ({"day": "31", "month": "4"}, "This day does not exist: April has 30 days."),
        ({"day": "0"}, "This day does not exist"),
        ({"month": "13"}, "This is no date of birth."),
        ({"year": "94"}, "This is no date of birth."),
        ({"year": "2999"}, "This is no date of birth."),
        ({"day": "x"}, "Day, month and year, in figures."),
        ({"day": ""}, "Day, month and year, in figures."),
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"password": "short"}, "This password is too short"),
        ({"password": "river_42"}, "too similar to the username"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"username": ""}, "This field is required."),
        ({"terms": ""}, "Accept the terms to make an account."),
    ],
)
def test_a_fault_stands_under_its_field(typed: dict[str, str], fault: str) -> None:
    refused = send(**typed)

    assert refused.status_code == 400
    assert fault in html(refused)
    assert html(refused).count("autofocus") == 1
    assert PASSWORD not in html(refused)
    assert not User.objects.filter(email=EMAIL).exists()


def test_a_taken_name_is_said_and_case_does_not_make_another() -> None:
    world.person("River_42")

    assert "A user with that username already exists." in html(send())


def test_a_known_address_gets_the_same_answer_and_another_mail() -> None:
    holder = accounts.create_user(username="holder", password=PASSWORD, email="Known@Example.org")
    before = User.objects.count()

    known, fresh = send(email="known@example.org", username="river_1"), send(username="river_2")

    pages = [re.sub(r'"X-CSRFToken": "\w+"|<time.*?</time>', "", html(each)) for each in (known, fresh)]
    assert pages[0].replace("known@example.org", "") == pages[1].replace(EMAIL, "")
    assert User.objects.count() == before + 1
    assert holder.username in mail.outbox[0].body
    assert "You have an account" in mail.outbox[0].subject
    assert not User.objects.filter(username="river_1").exists()


def test_two_at_once_with_one_address_make_one_account() -> None:
    outcomes = race(*[lambda name=f"river_{number}": send(username=name).status_code for number in range(3)])

    assert outcomes == [200] * 3
    assert User.objects.filter(email=EMAIL).count() == 1


def test_an_older_version_of_the_terms_is_shown_again() -> None:
    refused = send(terms_version="7")

    assert refused.status_code == 409
    assert "version 1, and accept them" in html(refused)
    assert not User.objects.filter(email=EMAIL).exists()


@pytest.mark.parametrize("days", [None, 30, -1])
def test_an_exclusion_goes_on_with_the_address(days: int | None) -> None:
    until = None if days is None else db_now() + timedelta(days=days)
    InheritedExclusion.objects.create(email_hash=email_hash("River@example.org "), until=until)

    send()

    expected = [] if days == -1 else [(User.objects.get(email=EMAIL).pk, until, True)]
    assert list(Break.objects.values_list("user", "until", "is_inherited")) == expected


def test_signed_in_people_need_no_account() -> None:
    assert visitor(world.person("alice")).get(reverse("sign-up"))["Location"] == reverse("lobby")


def test_sign_ups_of_one_network_address_are_limited() -> None:
    answers = []
    for number in range(21):
        typed = FORM | {"username": f"river_{number}", "email": f"{number}@example.org"}
        answers.append(Client().post(reverse("sign-up"), typed, REMOTE_ADDR="198.51.100.7"))

    assert [each.status_code for each in answers] == [200] * 20 + [429]
    assert answers[-1].headers["Retry-After"] == ANY
    assert not User.objects.filter(username="river_20").exists()


def test_one_address_gets_five_mails_an_hour() -> None:
    assert [send(username=f"river_{number}").status_code for number in range(6)] == [200] * 5 + [429]
