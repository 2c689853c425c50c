"""`queue.changed`: one event to the room for each change of the queue itself, and none for a repetition."""

import pytest
from django.db import transaction

from accounts.models import User
from live.models import EventRow
from perfqueue import services
from perfqueue.services import Presence
from tests import world
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ruby() -> User:
    return world.performer("ruby", disconnect_s=60)


def states(performer: User) -> list[str]:
    """The states that the room was sent, oldest first."""
    events = EventRow.objects.filter(key="queue.changed", room=performer.pk, recipient=None).order_by("id")
    return [event.variables["state"] for event in events]


def test_open_close_pause_and_resume_each_send_the_state_once(ruby: User) -> None:
    commands = (
        services.pause_queue,
        services.resume_queue,
        services.close_queue,
        services.open_queue,
    )

    for command in commands:
        for _ in range(2):
            command(performer_id=ruby.pk, actor=ruby)

    assert states(ruby) == ["paused", "open", "closed", "open"]


def test_an_absence_sends_waiting_and_its_end_open_or_closed(ruby: User, clock: Clock) -> None:
    def beat(state: Presence) -> None:
        services.record_heartbeat(performer_id=ruby.pk, actor=ruby, state=state)

    for state in (Presence.STREAMING, Presence.STREAMING, Presence.OFFLINE, Presence.OFFLINE, Presence.STREAMING):
        beat(state)
    assert states(ruby) == ["waiting", "open"]

    clock.shift(seconds=61)
    services.expire_due(ruby.pk)
    clock.shift(seconds=5 * 60)
    services.expire_due(ruby.pk)

    assert states(ruby) == ["waiting", "open", "waiting", "closed"]


def test_items_send_no_change_of_the_queue(ruby: User) -> None:
    alice = world.person("alice", tokens=100)
    item = world.buy(alice, ruby)
    services.start(item_id=item.pk, actor=ruby)
    services.finish(item_id=item.pk, actor=ruby)

    assert states(ruby) == []


def test_a_change_that_rolls_back_sends_nothing(ruby: User) -> None:
    def undone() -> None:
        with transaction.atomic():
            services.pause_queue(performer_id=ruby.pk, actor=ruby)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        undone()

    assert states(ruby) == []
