"""The recent messages of a room: newest first, public variables only, whatever transaction is open."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from core.db import rows
from core.ids import new_id
from live import services
from live.feed import Message
from live.models import MessageTemplate
from live.services import Event, emit
from live.templates import EVENT_TYPES
from live.tests.harness import ROOM_KEYS, insert, writer
from tests.world import staff

pytestmark = pytest.mark.django_db(transaction=True)
ROOM, ELSEWHERE, BUYER = new_id(), new_id(), new_id()


def event(key: str = "queue.item.started", room: UUID | None = ROOM, **variables: Any) -> Event:
    return Event(key, variables, room_id=room, recipient_id=BUYER)


def read(limit: int = 30) -> list[Message]:
    return services.recent(ROOM, limit=limit)


def test_the_newest_comes_first_with_its_text_and_the_id_of_the_stream(django_assert_num_queries: Any) -> None:
    emit([event("queue.item.created", title="Sóng"), event(title="Sóng")])
    emit([event("queue.item.finished", title="Sóng")])

    with django_assert_num_queries(1):
        answers = services.recent(ROOM, limit=30)

    assert [each.text for each in answers] == ["“Sóng” is done.", "“Sóng” is on stage.", "Someone asked for “Sóng”."]
    stored = rows("SELECT e.xid::text || '-' || e.id AS id, e.at FROM live_event e ORDER BY e.xid DESC, e.id DESC")
    assert [(each.id, each.at) for each in answers] == [(row["id"], row["at"]) for row in stored]


def test_a_row_of_folded_keys_is_one_and_leaves_room_for_the_others() -> None:
    emit([event(title="First")])
    for _ in range(5):
        emit([event("menu.changed")])
    emit([event(title="Second"), event("menu.changed"), event("menu.changed")])

    answers = services.recent(ROOM, limit=4, folded=["menu.changed"])

    assert [each.key for each in answers] == [
        "menu.changed",
        "queue.item.started",
        "menu.changed",
        "queue.item.started",
    ]
    assert [each.variables.get("title") for each in answers] == [None, "Second", None, "First"]


def test_only_events_of_this_room_that_a_room_may_see() -> None:
    emit([event(key, title=key) for key in EVENT_TYPES])
    emit([event(room=ELSEWHERE, title="elsewhere"), event(room=None, title="nowhere")])

    assert {each.key for each in read()} == ROOM_KEYS


def test_a_private_variable_is_not_shown_even_if_a_template_names_it() -> None:
    MessageTemplate.objects.create(key="queue.item.started", version=2, text="$title for $userId")
    emit([event(title="Song", userId=str(BUYER), reason="LEFT")])

    (answers,) = read()

    assert (answers.text, answers.variables) == ("Song for $userId", {"title": "Song"})
    assert str(BUYER) not in repr(answers)


def test_a_new_template_applies_to_earlier_events_too() -> None:
    emit([event(title="Song")])
    services.edit_template(key="queue.item.started", text="“$title” begins.", actor=staff())

    assert [each.text for each in read()] == ["“Song” begins."]


def test_no_more_than_the_limit_and_the_newest_are_kept() -> None:
    emit([event(title=str(number)) for number in range(5)])

    assert [each.variables["title"] for each in read(limit=3)] == ["4", "3", "2"]
    assert services.recent(ELSEWHERE, limit=3) == []


def test_an_open_transaction_holds_no_message_back_and_its_own_takes_its_place() -> None:
    with writer() as early:
        insert(early, "queue.item.created", room=ROOM)
        emit([event("queue.item.started")])
        assert [each.key for each in services.recent(ROOM, limit=30)] == ["queue.item.started"]
        early.commit()

    assert [each.key for each in services.recent(ROOM, limit=30)] == ["queue.item.started", "queue.item.created"]


def test_a_quiet_room_is_found_by_its_index() -> None:
    """In its order, so that nothing is sorted; whether it pays in a table of three rows is another matter."""
    with transaction.atomic(), connection.cursor() as cursor:
        for other_way in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            cursor.execute(f"SET LOCAL {other_way} = off")
        cursor.execute(
            f"EXPLAIN {services.RECENT}", {"room": ROOM, "keys": sorted(ROOM_KEYS), "limit": 30, "folded": []}
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "live_event_of_room" in plan
    assert "Sort" not in plan


def test_what_is_latest_changes_with_every_event_of_the_room_and_every_text() -> None:
    emit([event(title="First")])
    seen = [services.latest(ROOM, limit=3)]

    for _ in range(4):
        emit([event(title="Next")])
        seen.append(services.latest(ROOM, limit=3))
    emit([event(room=ELSEWHERE), event("queue.item.next_notice"), Event("slots.spin", {}, recipient_id=BUYER)])
    same = services.latest(ROOM, limit=3)
    services.edit_template(key="queue.item.started", text="“$title” begins.", actor=staff())
    seen.append(services.latest(ROOM, limit=3))

    assert same == seen[4]
    assert len(set(seen)) == len(seen) == 6
    assert same.ids == tuple(each.id for each in read(limit=3))


def test_what_is_latest_has_an_event_that_commits_late() -> None:
    with writer() as late:
        insert(late, "queue.item.created", room=ROOM)
        emit([event(title="Second")])
        before = services.latest(ROOM, limit=30)
        late.commit()

    after = services.latest(ROOM, limit=30)

    assert len(before.ids) == 1
    assert after.ids == tuple(each.id for each in read())
    assert len(after.ids) == 2
