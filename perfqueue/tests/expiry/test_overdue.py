"""What is overdue is the same for the gate, a feature's look-up, the sweeper and staff's filter."""

import pytest

from accounts.models import User
from core.db import rows
from perfqueue import services
from perfqueue.models import QueueItem
from perfqueue.services import Presence
from perfqueue.services.expiry import Gate, is_overdue, overdue_items_sql, overdue_queues
from tests import world
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def line(**terms: object) -> User:
    return world.performer(**{"rope_drop_s": 900, "max_wait_s": 50_000, **terms})  # type: ignore[arg-type]


def test_what_is_due_is_the_same_for_every_reader(clock: Clock) -> None:
    fan = world.person(tokens=1_000)
    lines = {
        "rope drop": line(rope_drop_s=100),
        "max wait": line(max_wait_s=200),
        "deadline": line(grace_s=0),
        "review": line(grace_s=0, abandon_policy="review"),
        "silence": line(disconnect_s=60),
        "end of stream": line(disconnect_s=60),
        "nothing": line(),
    }
    items = {name: world.buy(fan, ruby, 10, duration_s=300) for name, ruby in lines.items()}
    for name in ("deadline", "review"):
        services.start(item_id=items[name].pk, actor=lines[name])
    services.abandon(item_id=items["review"].pk, actor=lines["review"])
    for name in ("silence", "end of stream"):
        services.record_heartbeat(performer_id=lines[name].pk, actor=lines[name], state=Presence.STREAMING)
    services.record_heartbeat(
        performer_id=lines["end of stream"].pk, actor=lines["end of stream"], state=Presence.OFFLINE
    )
    seen = []

    for seconds in (0, 61, 40, 100, 100, 100, 86_100):
        clock.shift(seconds=seconds)
        due = {name for name, ruby in lines.items() if Gate.of_performers([ruby.pk]).overdue() == [ruby.pk]}
        asked = "SELECT %s::uuid AS performer_id"
        assert {name for name, ruby in lines.items() if Gate(asked, [ruby.pk]).overdue() == [ruby.pk]} == due
        assert {name for name, ruby in lines.items() if ruby.pk in overdue_queues()} == due
        overdue = {item.performer_id for item in QueueItem.objects.filter(is_overdue())}
        assert overdue == {row["performer_id"] for row in rows(overdue_items_sql("i.performer_id"))}
        ids = [item.pk for item in items.values()]
        assert {name for name, ruby in lines.items() if ruby.pk in Gate.of_items(ids).overdue()} == due
        seen.append(due)

    assert [sorted(after - before) for before, after in zip([set(), *seen], seen, strict=False)] == [
        [],
        ["silence"],
        ["rope drop"],
        ["max wait"],
        ["deadline", "end of stream"],
        [],
        ["nothing", "review"],
    ]
