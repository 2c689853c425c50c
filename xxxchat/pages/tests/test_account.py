"""Signing in and out, and the theme."""

from typing import Any

import pytest
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from escrow import services as escrow
from tests import world
from xxxchat.pages.tests.visiting import fields, html, send, visitor

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-password-of-this-test"


def known(name: str = "alice") -> User:
    user = accounts.create_user(username=name, password=PASSWORD, verified=True, terms_version=1)
    escrow.open_wallets([user.pk])
    return user


def test_signing_in_redirects_to_the_page_that_required_it() -> None:
    known()
    client, address = visitor(), f"{reverse('sign-in')}?next={reverse('wallet')}"

    answer = client.post(
        reverse("sign-in"),
        {**_form(client, address), "username": "alice", "password": PASSWORD},
    )

    assert answer.headers["Location"] == reverse("wallet")
    assert client.get(reverse("wallet")).status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "javascript:alert(1)"])
def test_signing_in_never_leads_off_the_site(elsewhere: str) -> None:
    known()
    client = visitor()

    form = {**_form(client, reverse("sign-in")), "username": "alice", "password": PASSWORD, "next": elsewhere}
    answer = client.post(reverse("sign-in"), form)

    assert answer.headers["Location"] == reverse("lobby")


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("al\0ice", PASSWORD), ("", "")]
)
def test_a_wrong_name_or_password_is_refused_without_saying_which(name: str, password: str) -> None:
    known()
    client = visitor()

    form = {**_form(client, reverse("sign-in")), "username": name, "password": password}
    answer = client.post(reverse("sign-in"), form)

    assert answer.status_code == 401
    assert "The name or the password is not right." in html(answer)


def test_signing_out_ends_the_session() -> None:
    client = visitor(world.person("alice"))

    send(client, html(client.get(reverse("account"))), reverse("sign-out"))

    assert client.get(reverse("account")).status_code == 302


@pytest.mark.parametrize(("choice", "sheet"), [("light", True), ("system", True), ("dark", False), ("pink", False)])
def test_the_choice_of_colours_stays_in_a_cookie(choice: str, sheet: bool) -> None:
    client = visitor(world.person("alice"))

    send(client, html(client.get(reverse("account"))), reverse("theme"), theme=choice)

    assert ("theme-light.css" in html(client.get(reverse("lobby")))) is sheet


def _form(client: Any, address: str) -> dict[str, str]:
    return fields(html(client.get(address)), reverse("sign-in"))
