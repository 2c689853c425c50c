"""The second factor's pages: set up with a picture and a key, codes shown once, asked for at sign-in."""

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from accounts.models import Role, User
from accounts.tests.authenticator import Phone, with_factor
from xxxchat.pages.tests.visiting import html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-password-of-this-test"


@pytest.fixture(params=[Role.USER, Role.PERFORMER, Role.FINANCE])
def somebody(request: Any) -> User:
    return accounts.create_user(username="river", password=PASSWORD, role=request.param)


@pytest.fixture
def river() -> User:
    return accounts.create_user(username="river", password=PASSWORD)


def secret_on(page: str) -> str:
    found = re.search(r"secret=([A-Z2-7]+)&", page)
    assert found is not None
    return found[1]


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def sign_in(client: Client, **more: str) -> Any:
    return client.post(reverse("sign-in"), {"username": "river", "password": PASSWORD, **more})


def test_everybody_can_set_one_up(somebody: User) -> None:
    client = browser(somebody)
    page = html(client.get(reverse("second-factor")))
    phone = Phone(secret_on(page))

    wrong = client.post(reverse("second-factor"), {"code": phone.wrong()})
    done = client.post(reverse("second-factor"), {"code": phone.code()})

    assert secret_on(html(wrong)) == phone.secret, "the key stays"
    assert wrong.status_code == 401
    assert len(re.findall(r"<span>\d+</span>\s*\d{8}", html(done))) == 10
    assert "shown only now" in html(done)
    again = html(client.get(reverse("second-factor")))
    assert "10 of 10 recovery codes left" in again
    assert not re.search(r"\b\d{8}\b", again), "no code is shown a second time"


def test_the_picture_is_inline_without_styles_and_the_key_rests_nowhere(river: User) -> None:
    client = browser(river)
    text = html(client.get(reverse("second-factor")))

    assert re.search(r'<svg class="qr-code" viewBox="0 0 \d+ \d+" role="img"', text)
    assert "style=" not in text
    assert "data:image" not in text
    assert secret_on(text) not in str(Session.objects.get().get_decoded())
    assert secret_on(html(client.get(reverse("second-factor")))) == secret_on(text), "a reload shows the same"
    assert secret_on(html(browser(river).get(reverse("second-factor")))) != secret_on(text), "another session another"


def test_a_factor_set_up_again_has_another_key(river: User) -> None:
    client = browser(river)
    phone = Phone(secret_on(html(client.get(reverse("second-factor")))))
    client.post(reverse("second-factor"), {"code": phone.code()})
    client.post(reverse("second-factor-off"), {"code": phone.code()})

    assert secret_on(html(client.get(reverse("second-factor")))) != phone.secret


def test_signing_in_asks_for_the_code_second(river: User) -> None:
    phone, codes = with_factor(river)
    client = Client()
    first = sign_in(client, next=reverse("wallet"))

    assert first["Location"] == f"{reverse('sign-in-code')}?next={reverse('wallet').replace('/', '%2F')}"
    assert client.get(reverse("account")).status_code == 302
    assert client.get(first["Location"]).status_code == 200
    wrong = client.post(reverse("sign-in-code"), {"code": phone.wrong(), "next": reverse("wallet")})
    assert wrong.status_code == 401
    assert "This code is not right" in html(wrong)
    right = client.post(reverse("sign-in-code"), {"code": phone.code(), "next": reverse("wallet")})
    assert right["Location"] == reverse("wallet")
    assert client.get(reverse("account")).status_code == 200

    other = Client()
    sign_in(other)
    assert other.post(reverse("sign-in-code"), {"code": codes[0], "next": "//example.org"})["Location"] == reverse(
        "lobby"
    )


def test_the_code_alone_opens_nothing(river: User) -> None:
    phone, _ = with_factor(river)
    client = Client()

    for answer in (client.get(reverse("sign-in-code")), client.post(reverse("sign-in-code"), {"code": phone.code()})):
        assert answer["Location"] == reverse("sign-in")
    sign_in(client)
    accounts.deactivate(river.pk)
    assert client.post(reverse("sign-in-code"), {"code": phone.code()})["Location"] == reverse("sign-in")


def test_too_many_codes_are_429_with_a_time(river: User) -> None:
    phone, _ = with_factor(river)
    client = Client()
    sign_in(client)
    for _ in range(10):
        client.post(reverse("sign-in-code"), {"code": phone.wrong()})

    refused = client.post(reverse("sign-in-code"), {"code": phone.code()})

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300


def test_new_codes_and_turning_off_need_a_code(river: User) -> None:
    phone, codes = with_factor(river)
    client = browser(river)
    renew, off = reverse("second-factor-codes"), reverse("second-factor-off")

    assert [client.post(each, {"code": phone.wrong()}).status_code for each in (renew, off)] == [401, 401]
    assert [client.post(each, {"code": ""}).status_code for each in (renew, off)] == [400, 400]
    new = html(client.post(renew, {"code": phone.code()}))
    assert not any(code in new for code in codes)
    recovery = re.findall(r"</span>\s*(\d{8})", new)[0]
    assert client.post(off, {"code": recovery})["Location"] == reverse("second-factor")
    assert not accounts.factor_of(river).is_on
    assert sign_in(Client())["Location"] == reverse("lobby")


@pytest.mark.parametrize("name", ["second-factor", "second-factor-codes", "second-factor-off"])
def test_a_stranger_is_led_to_sign_in(name: str) -> None:
    answer = visitor().get(reverse(name))

    assert answer.headers["Location"] == f"{reverse('sign-in')}?next={reverse(name)}"
