"""Fan-out, replay and bounds, without a database."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from core.ids import new_id
from live.errors import TooManyStreams
from live.feed import Channel, FramedEvent, Row
from live.hub import Hub, Limits, Stream

ALICE, BOB = Channel("person", new_id()), Channel("person", new_id())


def event(xid: int, recipient: UUID = ALICE.id) -> FramedEvent:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    return FramedEvent(Row(xid, xid * 10, "slots.spin", {}, None, recipient, at), {})


def publish(hub: Hub, *events: FramedEvent) -> None:
    hub.publish(events, upto=events[-1].position, horizon=events[-1].position[0] + 1)


def waiting(stream: Stream) -> list[str]:
    async def taken() -> bytes:
        return await stream.next(within_s=0.001)

    frames = asyncio.run(taken()).decode().split("\n")
    return [line[4:] for line in frames if line.startswith("id: ")]


def test_a_stream_gets_what_is_its_own_from_when_it_opened() -> None:
    hub = Hub(Limits())
    publish(hub, event(1))

    stream = hub.subscribe(ALICE, owner="person:a", last=None)
    publish(hub, event(2), event(3, BOB.id), event(4))

    assert waiting(stream) == ["2-20", "4-40"]


def test_a_client_that_reconnects_gets_what_was_missed_once_and_in_order() -> None:
    hub = Hub(Limits())
    publish(hub, event(1), event(2), event(3, BOB.id), event(4))

    stream = hub.subscribe(ALICE, owner="person:a", last=(1, 10))
    publish(hub, event(5))

    assert stream.complete
    assert stream.after == (1, 10)
    assert waiting(stream) == ["2-20", "4-40", "5-50"]


def test_a_process_that_is_behind_another_repeats_nothing() -> None:
    hub = Hub(Limits())
    hub.publish([event(1)], upto=(1, 10), horizon=9)

    stream = hub.subscribe(ALICE, owner="person:a", last=(2, 20))
    publish(hub, event(2), event(3))

    assert stream.complete
    assert waiting(stream) == ["3-30"]


def test_what_is_no_longer_remembered_makes_a_stream_incomplete() -> None:
    hub = Hub(Limits(remembered=2))
    publish(hub, event(1), event(2), event(3), event(4))

    lost = hub.subscribe(ALICE, owner="person:a", last=(1, 10))
    kept = hub.subscribe(ALICE, owner="person:a", last=(2, 20))

    assert (lost.complete, waiting(lost)) == (False, ["3-30", "4-40"])
    assert (kept.complete, waiting(kept)) == (True, ["3-30", "4-40"])


def test_a_long_absence_is_replayed_up_to_a_bound() -> None:
    hub = Hub(Limits(replayed=2))
    publish(hub, *(event(xid) for xid in range(1, 6)))

    stream = hub.subscribe(ALICE, owner="person:a", last=(1, 10))

    assert not stream.complete
    assert stream.after == (4, 39), "an answer cut short here is asked for again from here"
    assert waiting(stream) == ["4-40", "5-50"]


def test_a_position_from_a_database_that_was_replaced_starts_anew() -> None:
    hub = Hub(Limits())
    publish(hub, event(1))

    stream = hub.subscribe(ALICE, owner="person:a", last=(5_000, 1))
    publish(hub, event(2))

    assert not stream.complete
    assert waiting(stream) == ["2-20"]


def test_a_client_too_slow_is_cut_off_and_loses_nothing() -> None:
    hub = Hub(Limits(buffered=2))
    slow = hub.subscribe(ALICE, owner="person:a", last=None)

    publish(hub, *(event(xid) for xid in range(1, 6)))

    assert slow.ended
    assert waiting(slow) == ["1-10", "2-20"]
    again = hub.subscribe(ALICE, owner="person:a", last=(2, 20))
    assert waiting(again) == ["3-30", "4-40", "5-50"]


def test_streams_are_bounded_per_person_per_address_and_in_all() -> None:
    hub = Hub(Limits(streams=5, streams_per_person=2, streams_per_address=3))
    first = hub.subscribe(ALICE, owner="person:a", last=None)
    hub.subscribe(ALICE, owner="person:a", last=None)
    with pytest.raises(TooManyStreams) as refused:
        hub.subscribe(ALICE, owner="person:a", last=None)
    assert (refused.value.code, refused.value.details) == ("RATE_LIMIT_EXCEEDED", {"limit": 2})

    hub.unsubscribe(first)
    hub.subscribe(ALICE, owner="person:a", last=None)

    for _ in range(3):
        hub.subscribe(BOB, owner="address:::1", last=None)
    with pytest.raises(TooManyStreams):
        hub.subscribe(BOB, owner="address:::1", last=None)
    with pytest.raises(TooManyStreams) as full:
        hub.subscribe(BOB, owner="person:b", last=None)
    assert full.value.details == {"limit": 5}


def test_streams_that_closed_leave_nothing_behind() -> None:
    hub = Hub(Limits(remembered=1))
    publish(hub, event(1), event(2, BOB.id))
    stream = hub.subscribe(ALICE, owner="person:a", last=None)

    hub.unsubscribe(stream)

    assert not hub._streams
    assert not hub._open
    assert set(hub._by_channel) == {BOB}
