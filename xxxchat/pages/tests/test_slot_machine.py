"""The slot machine's page and the machine opened in a room, by form posts alone."""

import json
import re
from typing import Any

import pytest
from django.urls import reverse

from core.ids import new_id
from slots import services
from tests import world
from tests.clock import Clock
from xxxchat.pages.tests.visiting import HTMX, html, send, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_refused_spin_is_shown_with_the_pages_text(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    client = visitor(world.person("alice", points=40))

    answer = send(client, html(client.get(reverse("slots"))), reverse("spin"))

    assert "40 points available, 100 needed. Nothing was taken." in html(client.get(answer.headers["Location"]))


def test_performers_have_no_machine() -> None:
    performer, _ = stage("Request a song")

    assert "The machine is closed" in html(visitor(performer).get(reverse("slots")))


def test_the_machine_opened_in_a_room_spins_for_its_performer(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    performer, _ = stage("Request a song")
    player = world.person("alice", points=1_000)
    client = visitor(player)
    room = reverse("room", args=[performer.pk])

    part = html(client.get(reverse("room-slots", args=[performer.pk]), headers=HTMX))
    answer = send(client, html(client.get(f"{room}?play=1")), reverse("spin"))

    assert f'data-performer="{performer.pk}"' in part
    assert answer.headers["Location"] == f"{room}?play=1#slots"
    (spin,) = services.history(user=player, limit=10, offset=0).spins
    assert spin.performer_id == performer.pk
    assert "The machine is closed" not in html(client.get(f"{room}?play=1"))


def test_the_docked_machine_costs_a_room_nothing() -> None:
    performer, _ = stage("Request a song")
    text = html(visitor(world.person("alice", points=1_000)).get(reverse("room", args=[performer.pk])))

    assert f'hx-get="{reverse("room-slots", args=[performer.pk])}"' in text
    assert "data-machine" not in text


def test_a_spin_refused_in_a_room_is_told_there_with_its_next_step(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0
    performer, _ = stage("Request a song")
    client = visitor(world.person("alice", points=40))
    page = html(client.get(f"{reverse('room', args=[performer.pk])}?play=1"))

    answer = send(client, page, reverse("spin"))
    after = html(client.get(answer.headers["Location"]))

    assert answer.headers["Location"].startswith(reverse("room", args=[performer.pk]))
    assert "40 points available, 100 needed. Nothing was taken." in after
    assert f'<a class="link" href="{reverse("wallet")}">Go to your wallet</a>' in after


def test_a_performer_who_is_none_is_refused() -> None:
    player = world.person("alice", points=1_000)
    client = visitor(player)
    page = html(client.get(reverse("slots")))

    for given in ("ruby", str(new_id())):
        answer = send(client, page, reverse("spin"), performer=given)
        assert "Nothing was taken." in html(client.get(answer.headers["Location"]))
    assert services.history(user=player, limit=10, offset=0).total == 0
    assert client.get(reverse("room-slots", args=[new_id()])).status_code == 404


def test_a_due_reality_check_leads_back_to_the_room(clock: Clock) -> None:
    performer, _ = stage("Request a song")
    client = visitor(world.person("alice", points=1_000))
    room = f"{reverse('room', args=[performer.pk])}?play=1"
    send(client, html(client.get(room)), reverse("spin"))
    clock.shift(minutes=20)
    send(client, html(client.get(room)), reverse("spin"))
    clock.shift(minutes=15)

    refused = send(client, html(client.get(room)), reverse("spin"))
    check = html(client.get(refused.headers["Location"]))
    going_on = send(client, check, reverse("reality"))

    assert refused.headers["Location"].startswith(f"{reverse('reality')}?next=")
    assert re.search('You have played for 35 minutes.*<dt>Spins</dt> <dd class="num"> 2 </dd>', check)
    assert going_on.headers["Location"] == f"{room}#slots"


def test_a_reality_check_answered_in_the_dialog_closes_it() -> None:
    client = visitor(world.person("alice", points=1_000))
    sheet = html(client.get(reverse("reality"), headers=HTMX))

    answer = send(client, sheet, reverse("reality"), headers=HTMX)

    assert "<html" not in sheet
    assert list(json.loads(answer.headers["HX-Trigger-After-Settle"])) == ["dialog:close", "toast", "spun"]


def test_performers_spin_in_no_room() -> None:
    performer, _ = stage("Request a song")
    client = visitor(performer)

    assert client.get(reverse("room-slots", args=[performer.pk])).status_code == 403
    assert client.get(reverse("slots-live")).status_code == 403
    assert "data-machine" not in html(client.get(f"{reverse('room', args=[performer.pk])}?play=1"))
