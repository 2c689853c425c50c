"""The studio's commands by form posts alone."""

import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from escrow import services as escrow
from perfqueue import services as perfqueue
from tests import world
from tests.clock import Clock
from xxxchat.pages.tests.visiting import HTMX, html, send, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)
STUDIO = "/studio"


def earned(user: User) -> int:
    return escrow.wallets_of(user.pk)[0].earned


def started(tokens: int = 100) -> tuple[User, User, Any]:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=tokens)
    item = world.buy(buyer, performer, tokens=tokens)
    client = visitor(performer)
    send(client, html(client.get(STUDIO)), reverse("studio-start", args=[item.pk]))
    return performer, buyer, world.again(item)


def test_only_performers_have_a_studio() -> None:
    assert visitor().get(STUDIO).status_code == 302
    assert visitor(world.person("alice")).get(STUDIO).status_code == 403


def test_start_puts_the_head_started() -> None:
    performer, _, item = started()

    page = html(visitor(performer).get(STUDIO))

    assert item.state == perfqueue.State.STARTED
    assert "Finish and collect" in page


def test_finish_pays_all() -> None:
    performer, buyer, item = started()
    client = visitor(performer)

    answer = send(client, html(client.get(STUDIO)), reverse("studio-finish", args=[item.pk]))

    assert "100 tokens paid." in html(client.get(answer.headers["Location"]))
    assert (earned(performer), world.available(buyer)) == (100, 0)


def test_a_split_pays_a_part_and_says_so_to_the_buyer() -> None:
    performer, buyer, item = started()
    client, address = visitor(performer), reverse("studio-finish", args=[item.pk])

    send(client, html(client.get(address)), address, settle="61", refund="39", reason="The connection dropped")

    assert (earned(performer), world.available(buyer)) == (61, 39)
    room = html(visitor(buyer).get(reverse("room", args=[performer.pk])))
    assert "39 of 100 tokens are back; 61 paid for the part you saw." in room
    assert "The connection dropped" in html(visitor(buyer).get(reverse("requests") + "?show=done"))


@pytest.mark.parametrize(
    ("settle", "refund", "reason", "status"),
    [("61", "38", "Why", 422), ("0", "100", "Why", 422), ("61", "39", "", 400), ("6.1", "93.9", "Why", 400)],
)
def test_a_split_that_does_not_add_up_pays_nothing(settle: str, refund: str, reason: str, status: int) -> None:
    performer, _, item = started()
    client, address = visitor(performer), reverse("studio-finish", args=[item.pk])

    answer = send(client, html(client.get(address)), address, settle=settle, refund=refund, reason=reason)

    assert answer.status_code == status
    assert 'role="alert"' in html(answer)
    assert world.again(item).state == perfqueue.State.STARTED


def test_stop_gives_the_tokens_back() -> None:
    performer, buyer, item = started()
    client, address = visitor(performer), reverse("studio-stop", args=[item.pk])

    send(client, html(client.get(address)), address, reason="My voice is gone")

    assert world.again(item).state == perfqueue.State.REFUNDED
    assert world.available(buyer) == 100


def test_decline_gives_the_tokens_back_and_moves_the_next_up() -> None:
    performer, _ = stage("Request a song")
    first, second = world.person("alice", tokens=50), world.person("bob", tokens=50)
    item, other = world.buy(first, performer, tokens=50), world.buy(second, performer, tokens=50, title="A waltz")
    client, address = visitor(performer), reverse("studio-refund", args=[item.pk])

    send(client, html(client.get(address)), address)

    assert world.available(first) == 50
    assert world.again(other).rope_drop_at is not None
    assert "A waltz" in html(client.get(STUDIO))


def test_a_start_that_comes_too_late_says_where_the_tokens_went(clock: Clock) -> None:
    performer, _ = stage("Request a song", rope_drop_s=30)
    item = world.buy(world.person("alice", tokens=100), performer)
    client = visitor(performer)
    studio = html(client.get(STUDIO))
    clock.shift(seconds=31)

    answer = send(client, studio, reverse("studio-start", args=[item.pk]), headers=HTMX)

    assert "Time to start ran out." in html(answer)
    assert world.again(item).state == perfqueue.State.REFUNDED


def test_somebody_elses_item_does_not_exist_for_her() -> None:
    performer, _, item = started()
    other = world.performer("jade")
    client = visitor(other)

    assert client.get(reverse("studio-finish", args=[item.pk])).status_code == 404
    assert performer.pk != other.pk


@pytest.mark.parametrize(
    ("steps", "badge"),
    [
        (["pause"], "Paused"),
        (["pause", "resume"], "Line open"),
        (["close"], "Line closed"),
        (["close", "open"], "Line open"),
    ],
)
def test_queue_controls(steps: list[str], badge: str) -> None:
    performer, _ = stage("Request a song")
    client = visitor(performer)

    for step in steps:
        form = html(client.get(reverse("studio-close") if step == "close" else STUDIO))
        assert send(client, form, reverse("studio-queue", args=[step])).status_code == 302

    assert badge in html(client.get(STUDIO))


def test_closing_refunds_everybody_who_waits() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=100)
    world.buy(buyer, performer)
    client = visitor(performer)
    form = html(client.get(reverse("studio-close")))

    send(client, form, reverse("studio-queue", args=["close"]))

    assert "1 request in line will be refunded at once." in form
    assert world.available(buyer) == 100


def test_an_unknown_queue_command_is_404() -> None:
    performer, _ = stage("Request a song")
    client = visitor(performer)
    form = html(client.get(STUDIO))
    token = send(client, form, reverse("studio-queue", args=["pause"]))

    assert token.status_code == 302
    assert (
        client.post("/studio/line/burn", {}, headers={"X-CSRFToken": client.cookies["csrftoken"].value}).status_code
        == 404
    )


def earner(tokens: int = 3_000) -> User:
    performer, _, item = started(tokens)
    client = visitor(performer)
    send(client, html(client.get(STUDIO)), reverse("studio-finish", args=[item.pk]))
    return performer


def test_a_payout_is_asked_for_once_and_shown_as_on_its_way() -> None:
    performer = earner()
    client, address = visitor(performer), reverse("studio-payout")
    form = html(client.get(address))

    answers = [send(client, form, address, amount="2000") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    page = html(client.get(STUDIO))
    assert "2,000 tokens asked for." in page
    assert "Payouts on their way" in page
    assert (earned(performer), escrow.pending_payouts(performer.pk)) == (1_000, 2_000)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("999", "The least to pay out is 1,000 tokens. Nothing was moved."),
        ("3001", "3,000 tokens earned, 3,001 asked for. Nothing was moved."),
        ("", "Something in the form cannot be used."),
        ("0", "Something in the form cannot be used."),
        ("1e3", "Something in the form cannot be used."),
        ("9999999999", "Something in the form cannot be used."),
    ],
)
def test_a_payout_that_cannot_be_says_why_and_moves_nothing(amount: str, shown: str) -> None:
    performer = earner()
    client, address = visitor(performer), reverse("studio-payout")

    answer = send(client, html(client.get(address)), address, amount=amount, dialog="1")

    text = " ".join(re.sub(r"<[^>]*>", " ", html(answer)).split())
    assert answer.status_code in (400, 402, 422)
    assert shown in text
    assert (earned(performer), escrow.pending_payouts(performer.pk)) == (3_000, 0)


def test_only_a_performer_asks_for_a_payout() -> None:
    assert visitor(world.person("bob")).get(reverse("studio-payout")).status_code == 403
