"""Signing in, themes, the slot machine's form, what every page carries."""

from typing import Any

import pytest
from django.conf import settings as configured
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from escrow import services as escrow
from perfqueue import services as perfqueue
from tests import world
from xxxchat.pages.tests.visiting import fields, html, send, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-password-of-this-test"


def known(name: str = "alice") -> User:
    user = accounts.create_user(username=name, password=PASSWORD, verified=True, terms_version=configured.TERMS_VERSION)
    escrow.open_wallets([user.pk])
    return user


def test_signing_in_goes_on_to_where_it_was_asked_for() -> None:
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
def test_a_wrong_name_or_password_is_told_without_saying_which(name: str, password: str) -> None:
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


def test_a_spin_without_a_script_is_drawn_here_and_says_so(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    player = world.person("alice", points=1_000)
    client = visitor(player)
    page = html(client.get(reverse("slots")))

    first = send(client, page, reverse("spin"))
    second = send(client, page, reverse("spin"))
    after = html(client.get(reverse("slots")))

    assert first.status_code == second.status_code == 302
    assert "1 spin" in after
    assert "this proof rests on our word" in after


def test_a_refused_spin_is_told_in_the_pages_words(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    client = visitor(world.person("alice", points=40))

    answer = send(client, html(client.get(reverse("slots"))), reverse("spin"))

    assert "40 points available, 100 needed. Nothing was taken." in html(client.get(answer.headers["Location"]))


def test_the_statement_says_what_was_held_paid_and_came_back() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=300)
    left, split = world.buy(buyer, performer, tokens=100), world.buy(buyer, performer, tokens=100)
    perfqueue.leave(item_id=left.pk, actor=buyer)
    perfqueue.start(item_id=split.pk, actor=performer)
    perfqueue.finish(item_id=split.pk, actor=performer, settle=61, refund=39, reason="The connection dropped")

    page = html(visitor(buyer).get(reverse("wallet")))

    for said in ("Added", "Held", "Back", "61 paid from what was held, 39 back", "+39", "\N{MINUS SIGN}100", "239"):
        assert said in page
    assert "Earned" in html(visitor(performer).get(reverse("wallet")))


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 10])
def test_a_statement_page_that_does_not_exist_is_empty_or_whole(before: str) -> None:
    client = visitor(world.person("alice", tokens=300))

    assert client.get(reverse("wallet"), {"before": before}).status_code == 200


def test_performers_have_no_machine() -> None:
    performer, _ = stage("Request a song")

    assert "The machine is closed" in html(visitor(performer).get(reverse("slots")))


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


def test_what_is_not_there_says_so_in_a_page() -> None:
    answer = visitor().get("/nowhere")

    assert answer.status_code == 404
    assert "There is nothing at this address" in html(answer)


def _form(client: Any, address: str) -> dict[str, str]:
    return fields(html(client.get(address)), reverse("sign-in"))
