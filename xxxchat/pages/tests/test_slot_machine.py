"""The slot machine's page by form posts alone."""

from typing import Any

import pytest
from django.urls import reverse

from tests import world
from xxxchat.pages.tests.visiting import html, send, stage, visitor

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
