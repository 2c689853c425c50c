"""What leaves a spending window next: the oldest minute of it, of each currency, refunds left out."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from compliance.services import next_back
from core.clock import db_now
from escrow.services import Close, close_many, hold
from escrow.tests.factories import finished, request
from slots.tests.factories import play
from tests.clock import Clock
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return person("alice", tokens=1_000, points=100_000)


@pytest.fixture(autouse=True)
def no_interval(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0


def test_an_empty_window_gives_nothing_back(alice: User) -> None:
    assert next_back(alice.pk) == {}


def test_spins_of_one_minute_come_back_together_and_later_ones_apart(alice: User, clock: Clock) -> None:
    began = db_now()
    play(user=alice)
    play(user=alice)
    clock.shift(seconds=90)
    play(user=alice)

    found = next_back(alice.pk)

    assert {key: each.amount for key, each in found.items()} == dict.fromkeys(
        [("POINT", "24h"), ("POINT", "7d"), ("POINT", "30d")], 200
    )
    assert timedelta(0) <= found["POINT", "24h"].at - began - timedelta(hours=24) < timedelta(seconds=30)


def test_what_left_the_day_is_still_in_the_week(alice: User, clock: Clock) -> None:
    play(user=alice)
    clock.shift(hours=25)
    play(user=alice)
    play(user=alice)

    found = next_back(alice.pk)

    assert found["POINT", "24h"].amount == 200
    assert found["POINT", "7d"].amount == found["POINT", "30d"].amount == 100


def test_what_was_refunded_comes_back_to_nobody_and_what_others_spent_neither(alice: User) -> None:
    ruby, bob = performer("ruby"), person("bob", tokens=500)
    hold(request(bob, ruby, 50))
    assert next_back(alice.pk) == {}

    close_many([Close("k", finished(alice, ruby, 100, 61), 61, 39)])

    assert {key: each.amount for key, each in next_back(alice.pk).items()} == dict.fromkeys(
        [("TOKEN", "24h"), ("TOKEN", "7d"), ("TOKEN", "30d")], 61
    )


def test_it_is_one_statement(alice: User) -> None:
    play(user=alice)

    with CaptureQueriesContext(
        connection,
    ) as seen:
        next_back(alice.pk)

    assert len(seen) == 1
