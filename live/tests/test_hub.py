"""Fan-out, the start of a stream, and bounds, without a database."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from core.ids import new_id
from live.errors import TooManyStreams
from live.feed import Channel, FramedEvent, Position, Row
from live.hub import Hub, Limits, Stream

ALICE, BOB = Channel("person", new_id()), Channel("person", new_id())
RUBY = Channel("room", new_id())


def event(
    xid: int, recipient: UUID = ALICE.id, *, room: UUID | None = None, late: Position | None = None
) -> FramedEvent:
    key = "slots.spin" if room is None else "queue.changed"
    return FramedEvent(Row(xid, xid * 10, key, {}, room, recipient, datetime.now(UTC)), {}, late=late)


def publish(hub: Hub, *events: FramedEvent) -> None:
    hub.publish(events, upto=max(hub.position, *(each.position for each in events)))


def waiting(stream: Stream) -> list[str]:
    async def taken() -> bytes:
        return await stream.next(within_s=0.001)

    frames = asyncio.run(taken()).decode().split("\n")
    return [line[4:] for line in frames if line.startswith("id: ")]


def started(stream: Stream) -> bool:
    return stream._has_started.is_set()


def test_a_stream_gets_what_is_its_own_from_when_it_opened() -> None:
    hub = Hub(Limits())
    publish(hub, event(1))

    stream = hub.subscribe(ALICE, owner="person:a")
    publish(hub, event(2), event(3, BOB.id), event(4))

    assert waiting(stream) == ["2-20", "4-40"]


def test_only_channels_with_a_stream_are_read() -> None:
    hub = Hub(Limits())
    first, second = (hub.subscribe(ALICE, owner="person:a") for _ in range(2))
    room = hub.subscribe(RUBY, owner=None)
    assert hub.begin_read() == {ALICE, RUBY}
    hub.end_read()

    hub.unsubscribe(first)
    hub.unsubscribe(room)
    assert hub.begin_read() == {ALICE}
    hub.end_read()

    hub.unsubscribe(second)
    assert hub.begin_read() == frozenset()


def test_a_stream_whose_channel_is_not_in_the_running_read_starts_where_that_read_ends() -> None:
    hub = Hub(Limits())
    hub.subscribe(RUBY, owner=None)
    hub.begin_read()

    early = hub.subscribe(ALICE, owner="person:a")
    assert not started(early)
    publish(hub, event(1, room=RUBY.id))
    assert not started(early), "the read fetched hers only as far as others listen"
    hub.end_read()

    assert started(early)
    assert early.after == (1, 10)
    publish(hub, event(2))
    assert waiting(early) == ["2-20"]


def test_a_stream_whose_channel_is_in_the_running_read_starts_at_once() -> None:
    hub = Hub(Limits())
    hub.subscribe(ALICE, owner="person:a")
    publish(hub, event(1))
    hub.begin_read()

    second = hub.subscribe(ALICE, owner="person:a")
    publish(hub, event(2))
    hub.end_read()

    assert second.after == (1, 10)
    assert waiting(second) == ["2-20"]


def test_a_read_that_failed_starts_the_streams_that_waited_for_it_where_it_began() -> None:
    hub = Hub(Limits())
    publish(hub, event(1))
    hub.begin_read()
    stream = hub.subscribe(ALICE, owner="person:a")

    hub.end_read()

    assert started(stream)
    assert stream.after == (1, 10)


def test_a_late_event_is_sent_once_to_an_open_stream_and_moves_its_position_not_back() -> None:
    hub = Hub(Limits())
    publish(hub, event(5))
    stream = hub.subscribe(ALICE, owner="person:a")

    publish(hub, event(2, late=(5, 50)), event(7))

    assert waiting(stream) == ["2-20", "5-50", "7-70"], "the id of the position, without an event, follows the late one"
    assert hub.position == (7, 70)


def test_ids_beyond_32_bits_keep_their_order() -> None:
    """Where PostgreSQL's short transaction ids start again from 3, these go on."""
    hub = Hub(Limits())
    before, after = event(2**32 - 1), event(2**32 + 3)

    stream = hub.subscribe(ALICE, owner="person:a")
    publish(hub, before, after)

    assert waiting(stream) == [f"{2**32 - 1}-{(2**32 - 1) * 10}", f"{2**32 + 3}-{(2**32 + 3) * 10}"]
    assert hub.position == after.position


def test_what_was_missed_is_sent_before_what_came_meanwhile_and_nothing_twice() -> None:
    hub = Hub(Limits())
    publish(hub, event(5))
    stream = hub.subscribe(ALICE, owner="person:a")
    publish(hub, event(2, late=(5, 50)), event(6))

    stream.resume((1, 10), [event(2), event(5)], complete=True)

    assert stream.after == (1, 10)
    assert waiting(stream) == ["2-20", "5-50", "6-60"], "2 ended between the replay's start and its reading"


def test_a_client_too_slow_is_cut_off_and_what_it_got_has_no_gap() -> None:
    hub = Hub(Limits(buffered=2))
    slow = hub.subscribe(ALICE, owner="person:a")

    publish(hub, *(event(xid) for xid in range(1, 6)))

    assert slow.ended
    assert waiting(slow) == ["1-10", "2-20"]


def test_streams_are_bounded_per_person_per_address_and_in_all() -> None:
    hub = Hub(Limits(streams=5, streams_per_person=2, streams_per_address=3))
    first = hub.subscribe(ALICE, owner="person:a")
    hub.subscribe(ALICE, owner="person:a")
    with pytest.raises(TooManyStreams) as refused:
        hub.subscribe(ALICE, owner="person:a")
    assert (refused.value.code, refused.value.details) == ("RATE_LIMIT_EXCEEDED", {"limit": 2})

    hub.unsubscribe(first)
    hub.subscribe(ALICE, owner="person:a")

    for _ in range(3):
        hub.subscribe(BOB, owner="address:::1")
    with pytest.raises(TooManyStreams):
        hub.subscribe(BOB, owner="address:::1")
    with pytest.raises(TooManyStreams) as full:
        hub.subscribe(BOB, owner="person:b")
    assert full.value.details == {"limit": 5}

    hub = Hub(Limits(streams_per_person=1, streams_per_address=1))
    assert all(hub.subscribe(BOB, owner=None) for _ in range(3)), "of this machine itself none is counted"


def test_an_event_is_encoded_once_for_all_streams_of_a_room() -> None:
    hub = Hub(Limits())
    streams = [hub.subscribe(RUBY, owner=None) for _ in range(3)]
    changed = event(1, room=RUBY.id)

    publish(hub, changed)

    assert len({id(changed.frame(stream.channel)) for stream in streams}) == 1
    assert [waiting(stream) for stream in streams] == [["1-10"]] * 3


def test_streams_that_closed_leave_nothing_behind() -> None:
    hub = Hub(Limits())
    stream = hub.subscribe(ALICE, owner="person:a")

    hub.unsubscribe(stream)

    assert not hub._streams
    assert not hub._open
    assert not hub._count
