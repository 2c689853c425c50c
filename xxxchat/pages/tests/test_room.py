"""Buying, leaving and watching a room, by form posts alone."""

import re
from uuid import UUID

import pytest
from django.urls import reverse

from menus import services as menus
from perfqueue import services as perfqueue
from tests import world
from tests.clock import Clock
from xxxchat.pages.tests.visiting import HTMX, fields, html, send, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_anyone_may_look_at_lobby_and_room() -> None:
    performer, _ = stage("Request a song")

    assert "Ruby" in html(visitor().get(reverse("lobby")))
    room = html(visitor().get(reverse("room", args=[performer.pk])))

    assert "Request a song" in room
    assert "Sign in to ask" in room


def test_a_room_that_does_not_exist_is_404() -> None:
    assert visitor().get("/rooms/nonsense").status_code == 404
    assert visitor().get(reverse("room", args=[world.person().pk])).status_code == 404


def test_asking_needs_a_person() -> None:
    performer, (item,) = stage("Request a song")
    address = reverse("ask", args=[performer.pk, item])

    answer = visitor().get(address)

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('sign-in')}?next={address}"


def test_a_plain_form_holds_the_price_and_shows_the_place() -> None:
    performer, (item,) = stage("Request a song")
    buyer = world.person("alice", tokens=100)
    client, address = visitor(buyer), reverse("ask", args=[performer.pk, item])
    form = html(client.get(address))

    answer = send(client, form, address, note="Rain on a tin roof")
    room = html(client.get(answer.headers["Location"]))

    assert "Not started by" in form
    assert "You are next for Request a song. 40 tokens held." in room
    assert "Your 40 tokens are held, not spent." in room
    assert world.available(buyer) == 60


def test_a_form_sent_twice_buys_once() -> None:
    performer, (item,) = stage("Request a song")
    buyer = world.person("alice", tokens=100)
    client, address = visitor(buyer), reverse("ask", args=[performer.pk, item])
    form = html(client.get(address))

    first, second = send(client, form, address), send(client, form, address)

    assert first.status_code == second.status_code == 302
    assert world.available(buyer) == 60
    assert perfqueue.items_of(buyer).count() == 1


def test_a_refusal_is_shown_in_the_form_with_the_pages_text() -> None:
    performer, (item,) = stage("Request a song", price=120)
    client, address = visitor(world.person("alice", tokens=40)), reverse("ask", args=[performer.pk, item])

    answer = send(client, html(client.get(address)), address, note="Please")

    assert answer.status_code == 402
    page = html(answer)
    assert "40 tokens available, 120 needed." in page
    assert "Pick an item up to 40." in page
    assert 'value="Please"' in page


def test_a_changed_price_is_shown_again_and_nothing_is_held() -> None:
    performer, (item,) = stage("Request a song")
    buyer = world.person("alice", tokens=500)
    client, address = visitor(buyer), reverse("ask", args=[performer.pk, item])
    form = html(client.get(address))
    draft = menus.ItemDraft(title="Request a song", price_tokens=150, duration_s=120)
    menus.update_item(actor=performer, item_id=UUID(item), draft=draft)

    refused = send(client, form, address)
    bought = send(client, html(refused), address)

    assert refused.status_code == 409
    assert "Price is now 150 tokens, it was 40." in html(refused)
    assert bought.status_code == 302
    assert world.available(buyer) == 350


@pytest.mark.parametrize("note", ["a\0b", "x" * 201])
def test_a_note_that_cannot_be_used_is_refused(note: str) -> None:
    performer, (item,) = stage("Request a song")
    buyer = world.person("alice", tokens=100)
    client, address = visitor(buyer), reverse("ask", args=[performer.pk, item])

    answer = send(client, html(client.get(address)), address, note=note)

    assert answer.status_code == 400
    assert world.available(buyer) == 100


@pytest.mark.parametrize("price", ["", "-40", "40.0", "true", "9" * 11])
def test_a_price_that_is_no_amount_is_refused(price: str) -> None:
    performer, (item,) = stage("Request a song")
    buyer = world.person("alice", tokens=100)
    client, address = visitor(buyer), reverse("ask", args=[performer.pk, item])

    answer = send(client, html(client.get(address)), address, expected_price=price)

    assert answer.status_code == 400
    assert world.available(buyer) == 100


def test_a_form_without_its_key_is_refused() -> None:
    performer, (item,) = stage("Request a song")
    client, address = visitor(world.person("alice", tokens=100)), reverse("ask", args=[performer.pk, item])

    assert send(client, html(client.get(address)), address, idempotency_key="").status_code == 400


def test_a_form_without_its_token_is_refused_with_a_page() -> None:
    performer, (item,) = stage("Request a song")
    client, address = visitor(world.person("alice", tokens=100)), reverse("ask", args=[performer.pk, item])

    answer = client.post(address, {"expected_price": "40"})

    assert answer.status_code == 403
    assert "This form is too old" in html(answer)


def test_leaving_gives_the_tokens_back() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=100)
    item = world.buy(buyer, performer, tokens=40)
    client, address = visitor(buyer), reverse("leave", args=[item.pk])

    answer = send(client, html(client.get(reverse("requests"))), address)

    assert "40 tokens are back." in html(client.get(answer.headers["Location"]))
    assert world.available(buyer) == 100


def test_another_buyers_request_cannot_be_left() -> None:
    performer, _ = stage("Request a song")
    buyer, other = world.person("alice", tokens=100), world.person("bob", tokens=100)
    item, own = world.buy(buyer, performer, tokens=40), world.buy(other, performer, tokens=40)
    client = visitor(other)
    form = fields(html(client.get(reverse("requests"))), reverse("leave", args=[own.pk]))

    client.post(reverse("leave", args=[item.pk]), form)

    assert world.again(item).state == perfqueue.State.CREATED
    assert world.available(buyer) == 60


def test_strangers_see_titles_and_someone_the_performer_sees_who() -> None:
    performer, _ = stage("Request a song")
    world.buy(world.person("alice", tokens=100), performer, title="A waltz")
    room = reverse("room", args=[performer.pk])

    for viewer in (None, world.person("bob")):
        page = html(visitor(viewer).get(room))
        assert "A waltz" in page
        assert "someone" in page
        assert "alice" not in page
    assert "alice" in html(visitor(performer).get(room))
    assert "alice" in html(visitor(performer).get(reverse("studio")))


def test_a_poll_is_silent_until_something_moves() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=200)
    client, live = visitor(buyer), reverse("room-live", args=[performer.pk])
    room = client.get(reverse("room", args=[performer.pk]))
    seen = room.context["digest"]

    silent = client.get(live, {"seen": seen}, headers=HTMX)
    world.buy(buyer, performer)
    moved = client.get(live, {"seen": seen}, headers=HTMX)

    assert silent.status_code == 204
    assert moved.status_code == 200
    assert "You are next" in html(moved)
    assert 'hx-swap-oob="true"' in html(moved)


def test_a_poll_that_meets_a_passed_rope_drop_shows_the_refund(clock: Clock) -> None:
    performer, _ = stage("Request a song", rope_drop_s=30)
    buyer = world.person("alice", tokens=100)
    world.buy(buyer, performer, tokens=40)
    clock.shift(seconds=31)

    page = html(visitor(buyer).get(reverse("room", args=[performer.pk])))

    assert "Your 40 tokens are back." in page
    assert world.available(buyer) == 100


def test_with_a_script_a_refusal_comes_as_the_dialog_again() -> None:
    performer, (item,) = stage("Request a song", price=120)
    client, address = visitor(world.person("alice", tokens=40)), reverse("ask", args=[performer.pk, item])

    answer = send(client, html(client.get(address, headers=HTMX)), address, headers=HTMX)

    assert answer.status_code == 200
    assert html(answer).lstrip().startswith("<form")
    assert 'role="alert"' in html(answer)


def test_with_a_script_a_purchase_moves_the_room_and_closes_the_dialog() -> None:
    performer, (item,) = stage("Request a song")
    client, address = visitor(world.person("alice", tokens=100)), reverse("ask", args=[performer.pk, item])

    answer = send(client, html(client.get(address, headers=HTMX)), address, headers=HTMX)

    assert answer.headers["HX-Reswap"] == "none"
    assert "dialog:close" in answer.headers["HX-Trigger-After-Settle"]
    assert "You are next" in html(answer)


def test_the_menu_of_an_open_room_is_read_again_only_when_it_changed() -> None:
    performer, (item_id, *_) = stage("Request a song", price=40)
    client = visitor(world.person("alice"))
    page = html(client.get(reverse("room", args=[performer.pk])))
    address = reverse("room-menu", args=[performer.pk])

    def seen(text: str) -> str:
        (found,) = re.findall(r'id="menu-seen" name="seen" value="([0-9a-f]+)"', text)
        return str(found)

    assert client.get(address, {"seen": seen(page)}, headers=HTMX).status_code == 204
    draft = menus.ItemDraft(title="Request a song", price_tokens=55, duration_s=120)
    menus.update_item(actor=performer, item_id=UUID(item_id), draft=draft)
    changed = html(client.get(address, {"seen": seen(page)}, headers=HTMX))
    assert '<section class="room-menu" id="menu" hx-swap-oob="true">' in changed
    assert "55" in changed
    assert client.get(address, {"seen": seen(changed)}, headers=HTMX).status_code == 204

    perfqueue.pause_queue(performer_id=performer.pk, actor=performer)
    assert "is-off" in html(client.get(address, {"seen": seen(changed)}, headers=HTMX))


@pytest.mark.parametrize("page", ["room", "studio"])
def test_no_part_of_a_page_polls_by_itself(page: str) -> None:
    performer, _ = stage("Request a song")

    text = html(visitor(performer).get(reverse(page, args=[performer.pk] if page == "room" else [])))

    assert f'data-stream="/live/performer/{performer.pk}"' in text
    assert re.findall(r'data-part[^>]*hx-trigger="([^"]*)"', text) == ["moved"] * (2 if page == "room" else 1)
    assert "every" not in "".join(re.findall(r'hx-trigger="([^"]*)"', text))
