"""The back office's own sign-in form: name and password, then the code where there is a second factor."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import Role, User
from accounts.tests.authenticator import with_factor
from tests.backoffice import text_of

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long enough one"
LOGIN, CODE = "/admin/login/", "/admin/login/code/"


@pytest.fixture
def finance() -> User:
    return services.create_user(username="finance", password=PASSWORD, role=Role.FINANCE)


def sign_in(client: Client, following: str = "", password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"username": "finance", "password": password, "next": following})


def inside(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def test_without_a_factor_name_and_password_are_enough(finance: User, client: Client) -> None:
    assert sign_in(client).status_code == 302
    assert inside(client)


def test_with_a_factor_the_code_comes_second(finance: User, client: Client) -> None:
    phone, _ = with_factor(finance)
    following = reverse("admin:escrow_wallet_changelist")

    first = sign_in(client, following)

    assert first["Location"].startswith(CODE)
    assert not inside(client)
    shown = client.get(first["Location"])
    assert "Code" in text_of(shown)
    wrong = client.post(CODE, {"code": phone.wrong(), "next": following})
    assert wrong.status_code == 401
    assert "This code is not right" in text_of(wrong)
    assert not inside(client)
    right = client.post(CODE, {"code": phone.code(), "next": following})
    assert (right.status_code, right["Location"]) == (302, following)
    assert inside(client)


def test_a_recovery_code_opens_it_too_and_leads_nowhere_else(finance: User, client: Client) -> None:
    _, codes = with_factor(finance)
    sign_in(client)

    done = client.post(CODE, {"code": codes[0], "next": "https://example.org/"})

    assert done["Location"] == reverse("admin:index")
    assert inside(client)


def test_a_code_without_a_password_leads_back(finance: User, client: Client) -> None:
    phone, _ = with_factor(finance)
    sign_in(client, password="wrong")

    for answer in (client.get(CODE), client.post(CODE, {"code": phone.code()})):
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert not inside(client)


def test_a_password_counts_for_five_minutes_and_until_it_changes(finance: User, client: Client) -> None:
    phone, _ = with_factor(finance)
    sign_in(client)
    session = client.session
    session["awaits_code"] |= {"at": session["awaits_code"]["at"] - 301}
    session.save()
    assert client.get(CODE).status_code == 302

    sign_in(client)
    finance.set_password("another long one")
    finance.save()

    refused = client.post(CODE, {"code": phone.code()})
    assert refused.status_code == 401
    assert not inside(client)


def test_too_many_codes_are_429(finance: User, client: Client) -> None:
    phone, _ = with_factor(finance)
    sign_in(client)
    for _ in range(10):
        client.post(CODE, {"code": phone.wrong()})

    assert client.post(CODE, {"code": phone.code()}).status_code == 429


def test_an_unconfirmed_address_is_refused(finance: User, client: Client) -> None:
    User.objects.filter(pk=finance.pk).update(email="f@example.org")
    EmailAddress.objects.create(user=finance, email="f@example.org", primary=True)

    assert "Confirm your e-mail address first" in text_of(sign_in(client))
    assert not inside(client)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert getattr(client, method)(CODE).status_code == 405
