"""A new password by a link from a mail: asked for by anybody, used once, told to nobody else."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from accounts.tests.authenticator import with_factor
from tests.clock import Clock
from xxxchat.pages.tests.visiting import html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "a-password-of-this-test", "another-one-of-this-test"
EMAIL = "river@example.org"


@pytest.fixture
def river() -> User:
    return accounts.create_user(username="river", password=OLD, email=EMAIL)


def ask(email: str, client: Client | None = None, **more: Any) -> Any:
    client = client or Client()
    return client.post(reverse("reset"), {"email": email}, **more)


def link(number: int = -1) -> str:
    """The path of the link in a mail."""
    found = re.search(r"https?://[^/]+(/\S+)", str(mail.outbox[number].body))
    assert found is not None
    return found[1]


def choose(address: str, password: str = NEW) -> Any:
    return Client().post(address, {"new_password1": password, "new_password2": password})


def token(password: str) -> int:
    body = {"username": "river", "password": password}
    return Client().post("/api/v1/auth/token", body, content_type="application/json").status_code


def test_a_link_sets_a_new_password_once_and_signs_every_device_out(river: User) -> None:
    elsewhere = visitor(river)
    asked = ask(" River@Example.org ")
    shown = Client().get(link())

    done, again = choose(link()), choose(link(), "a-third-one-of-this-test")

    assert (asked.status_code, shown.status_code, done["Location"], again.status_code) == (
        200,
        200,
        reverse("sign-in"),
        404,
    )
    assert (token(OLD), token(NEW)) == (401, 200)
    assert elsewhere.get(reverse("account")).status_code == 302
    river.refresh_from_db()
    assert river.email_confirmed_at is not None, "whoever read the mail has the address"
    assert river.password_changed_at is not None
    assert "This link does not work any more" in html(again)


def test_the_answer_does_not_say_whether_there_is_an_account(river: User) -> None:
    known, unknown = (ask(email) for email in (EMAIL, "nobody@example.org"))

    assert known.status_code == unknown.status_code == 200
    pages = [re.sub(r'"X-CSRFToken": "\w+"', "", html(each)) for each in (known, unknown)]
    assert pages[0].replace(EMAIL, "") == pages[1].replace("nobody@example.org", "")
    assert [each.to for each in mail.outbox] == [[EMAIL], ["nobody@example.org"]]
    assert "There is no account with it" in mail.outbox[1].body


def test_a_link_is_over_after_an_hour_or_a_sign_in(river: User) -> None:
    ask(EMAIL)
    with time_machine.travel(timedelta(minutes=61), tick=True):
        assert Client().get(link()).status_code == 404

    Client().post(reverse("sign-in"), {"username": "river", "password": OLD})

    assert choose(link()).status_code == 404
    assert token(OLD) == 200


@pytest.mark.parametrize("address", ["password/{id}/x", "password/{id}/cz-0", "password/nobody/x", "password/{id}/\0"])
def test_a_forged_link_is_404(river: User, address: str) -> None:
    for answer in (Client().get(f"/{address.format(id=river.pk)}"), choose(f"/{address.format(id=river.pk)}")):
        assert answer.status_code == 404


def test_a_weak_password_is_refused_and_the_link_still_works(river: User) -> None:
    ask(EMAIL)

    refused = choose(link(), "river")

    assert refused.status_code == 400
    assert "This password is too short" in html(refused)
    assert choose(link()).status_code == 302


def test_the_second_factor_stays(river: User) -> None:
    with_factor(river)
    ask(EMAIL)
    choose(link())

    first = Client().post(reverse("sign-in"), {"username": "river", "password": NEW})

    assert first["Location"].startswith(reverse("sign-in-code"))


def test_no_link_goes_to_a_deactivated_account(river: User) -> None:
    ask(EMAIL)
    accounts.deactivate(river.pk)

    assert choose(link()).status_code == 404
    ask(EMAIL)
    assert "There is no account with it" in mail.outbox[-1].body


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "x" * 250 + "@example.org", "a\0b@example.org"])
def test_what_is_no_address_is_refused_in_place(email: str) -> None:
    refused = ask(email)

    assert refused.status_code == 400
    assert 'aria-invalid="true"' in html(refused)
    assert mail.outbox == []


def test_an_address_gets_five_mails_an_hour(river: User, clock: Clock) -> None:
    assert [ask(EMAIL).status_code for _ in range(6)] == [200] * 5 + [429]
    refused = ask(EMAIL)

    assert 3_500 < int(refused.headers["Retry-After"]) <= 3_600
    assert len(mail.outbox) == 5
    assert ask("other@example.org").status_code == 200
    clock.shift(seconds=3_601)
    assert ask(EMAIL).status_code == 200


def test_a_network_address_sends_twenty_forms_an_hour_and_loopback_as_many_as_it_likes() -> None:
    elsewhere = [ask(f"{number}@example.org", REMOTE_ADDR="198.51.100.7").status_code for number in range(21)]
    here = [ask(f"here{number}@example.org").status_code for number in range(21)]

    assert elsewhere == [200] * 20 + [429]
    assert set(here) == {200}


def test_a_server_that_takes_no_mail_is_not_told_to_the_visitor(river: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert ask(EMAIL).status_code == 200
