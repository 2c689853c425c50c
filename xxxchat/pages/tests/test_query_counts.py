"""A page costs the same number of statements however much there is to show."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from tests import world
from xxxchat.pages.tests.visiting import stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)


def cost(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def fill(performer: User, buyers: int) -> None:
    for index in range(buyers):
        world.buy(world.person(f"buyer-{performer.username}-{index}", tokens=100), performer)


@pytest.mark.parametrize(
    ("address", "most"),
    [
        (lambda performer: reverse("lobby"), 12),
        (lambda performer: reverse("room", args=[performer.pk]), 16),
        (lambda performer: reverse("room-live", args=[performer.pk]), 12),
        (lambda performer: reverse("room-menu", args=[performer.pk]), 12),
        (lambda performer: reverse("room-feed", args=[performer.pk]), 2),
        (lambda performer: reverse("requests"), 10),
        (lambda performer: reverse("requests-live"), 10),
        (lambda performer: reverse("wallet"), 7),
    ],
)
def test_a_buyers_pages(address: Callable[[User], str], most: int) -> None:
    performer, _ = stage("Request a song", user_cap=10)
    buyer = world.person("alice", tokens=1_000)
    world.buy(buyer, performer)
    client = visitor(buyer)

    few = cost(client, address(performer))
    fill(performer, 5)
    for _ in range(3):
        world.buy(buyer, performer)
    for name in ("jade", "opal"):
        fill(world.performer(name), 2)
    many = cost(client, address(performer))

    assert few == many
    assert many <= most


def test_the_studio() -> None:
    performer, _ = stage("Request a song")
    fill(performer, 1)
    client = visitor(performer)

    few = cost(client, reverse("studio"))
    for index in range(6):
        world.buy(world.person(f"more-{index}", tokens=100), performer)

    assert cost(client, reverse("studio")) == few <= 14
