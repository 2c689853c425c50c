"""Which audience sees which event, and in which form."""

import json
from datetime import UTC, datetime
from string import Template
from typing import Any
from uuid import UUID

import pytest

from core.ids import new_id
from live.feed import Channel, FramedEvent, Row, position_of
from live.templates import EVENT_TYPES, room_variables
from live.tests.harness import ROOM_KEYS

ROOM, BUYER = new_id(), new_id()
TEXTS = {key: event_type.text for key, event_type in EVENT_TYPES.items()}


def row(key: str, *, room: UUID | None = ROOM, recipient: UUID | None = BUYER, **variables: Any) -> Row:
    at = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    return Row(xid=7, id=3, key=key, variables=variables, room=room, recipient=recipient, at=at)


def data(event: FramedEvent, channel: Channel) -> dict[str, Any]:
    lines = event.frame(channel).decode().split("\n")
    parsed: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
    return parsed


@pytest.mark.parametrize("key", sorted(set(EVENT_TYPES) - ROOM_KEYS))
def test_what_is_for_one_person_never_reaches_a_room_even_if_its_row_names_one(key: str) -> None:
    assert row(key).channels == (Channel("person", BUYER),)


@pytest.mark.parametrize("key", sorted(ROOM_KEYS))
def test_a_room_event_reaches_the_room_and_its_recipient(key: str) -> None:
    assert row(key).channels == (Channel("room", ROOM), Channel("person", BUYER))


def test_a_room_sees_only_what_a_stranger_may_know() -> None:
    event = FramedEvent(row("queue.item.finished", title="Song", userId=str(BUYER), settledTokens=61), TEXTS)

    assert data(event, Channel("room", ROOM))["variables"] == {"title": "Song"}
    assert data(event, Channel("person", BUYER))["variables"] == {
        "title": "Song",
        "userId": str(BUYER),
        "settledTokens": 61,
    }


def test_a_frame_has_key_text_time_and_position() -> None:
    event = FramedEvent(row("queue.item.started", title="A\nsong"), TEXTS)

    frame = event.frame(Channel("room", ROOM)).decode()

    assert frame.startswith("event: queue.item.started\ndata: ")
    assert frame.endswith("\nid: 7-3\n\n")
    assert frame.count("\n") == 4
    assert data(event, Channel("room", ROOM)) == {
        "key": "queue.item.started",
        "variables": {"title": "A\nsong"},
        "text": "“A\nsong” is on stage.",
        "at": "2026-11-25T09:30:00Z",
    }


@pytest.mark.parametrize("key", sorted(ROOM_KEYS))
def test_the_text_for_a_room_uses_only_its_variables(key: str) -> None:
    assert set(Template(TEXTS[key]).get_identifiers()) <= room_variables(key)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("7-3", (7, 3)),
        ("0-0", (0, 0)),
        ("", None),
        ("7", None),
        ("-3", None),
        ("7-", None),
        ("7-3-1", None),
        ("+7-3", None),
        ("٧-3", None),
        ("9" * 20 + "-1", None),
    ],
)
def test_a_position_is_read_strictly(text: str, position: tuple[int, int] | None) -> None:
    assert position_of(text) == position
