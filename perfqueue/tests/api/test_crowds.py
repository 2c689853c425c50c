"""The public queue for people who are not signed in: rendered once a revision, and never an old one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.renderers import JSONRenderer

from accounts.models import User
from core.clock import db_now
from core.db import command
from core.freshness import etag_of
from perfqueue import services, shapes
from perfqueue.models import PerformerQueue, QueueItem
from perfqueue.services import AbandonPolicy, Presence
from tests.clock import Clock
from tests.world import buy, client_of, deactivated, person, staff

pytestmark = pytest.mark.django_db(transaction=True)


def address(of: User) -> str:
    return f"/api/v1/performer/{of.pk}/queue"


def statements(of: User, known: str = "") -> tuple[int, int]:
    """The status of a stranger's read, and how many statements it took."""
    with CaptureQueriesContext(connection) as run:
        answer = client_of(None).get(address(of), headers={"If-None-Match": known} if known else {})
    return answer.status_code, len(run)


def assert_current(of: User) -> str:
    """A stranger reads the queue as it is, twice; return the ETag."""
    first, second = client_of(None).get(address(of)), client_of(None).get(address(of))
    shape = shapes.QueueOut().to_representation(services.queue_view(of.pk, viewer=None))
    now = json.loads(JSONRenderer().render(shape))
    assert first.json() == second.json() == now
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"] == etag_of(first.content)
    assert list(first.headers) == list(second.headers)
    unlike = {name for name in first.headers if first.headers[name] != second.headers[name]}
    assert unlike <= {"X-Request-Id", "Content-Security-Policy"}  # the order of its directives
    return str(first.headers["ETag"])


def test_reads_of_a_crowd_take_one_statement_each(ruby: User, item: QueueItem) -> None:
    etag = assert_current(ruby)

    assert statements(ruby) == (200, 1)
    assert statements(ruby, known=etag) == (304, 1)


def test_a_304_is_enough_to_render_the_answer_once(ruby: User, item: QueueItem) -> None:
    etag = etag_of(client_of(person()).get(address(ruby)).content)

    assert statements(ruby, known=etag)[0] == 304
    assert statements(ruby, known=etag) == (304, 1)


def test_every_command_is_seen_at_once(clock: Clock, ruby: User, alice: User) -> None:
    support, items = staff(), [buy(alice, ruby, 10) for _ in range(3)]
    for _ in range(5):  # an estimate needs five performances
        done = buy(person(tokens=10), ruby, 10)
        services.start(item_id=done.pk, actor=support, reason="a sample")
        clock.shift(seconds=7)
        services.finish(item_id=done.pk, actor=ruby)
    first, second, third = items
    of_ruby: Any = {"performer_id": ruby.pk, "actor": ruby}
    steps: list[tuple[str, Callable[[], object]]] = [
        ("start", lambda: services.start(item_id=first.pk, actor=ruby)),
        ("finish", lambda: services.finish(item_id=first.pk, actor=ruby, settle=4, reason="part")),
        ("leave", lambda: services.leave(item_id=second.pk, actor=alice)),
        ("join", lambda: buy(alice, ruby, 10, title="Another song")),
        ("start the next", lambda: services.start(item_id=third.pk, actor=ruby)),
        ("abandon", lambda: services.abandon(item_id=third.pk, actor=ruby)),
        ("pause", lambda: services.pause_queue(**of_ruby)),
        ("resume", lambda: services.resume_queue(**of_ruby)),
        ("depth", lambda: services.configure(performer_id=ruby.pk, depth=7)),
        ("close", lambda: services.close_queue(**of_ruby)),
        ("open", lambda: services.open_queue(**of_ruby)),
        ("streaming", lambda: services.record_heartbeat(**of_ruby, state=Presence.STREAMING)),
        ("join again", lambda: buy(alice, ruby, 10)),
        ("offline", lambda: services.record_heartbeat(**of_ruby, state=Presence.OFFLINE)),
        ("block", lambda: services.block(performer_id=ruby.pk, user_id=alice.pk, actor=ruby)),
    ]
    tags = {"before": assert_current(ruby)}
    bodies = {client_of(None).get(address(ruby)).content}

    for name, step in steps:
        command(step) if not name.startswith("join") else step()
        tags[name] = assert_current(ruby)
        bodies.add(client_of(None).get(address(ruby)).content)

    assert len(set(tags.values())) == len(bodies) >= 10, tags


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("policy", AbandonPolicy)
def test_a_queue_is_due_when_the_gate_says_so(
    clock: Clock, ruby: User, alice: User, watched: bool, started: bool, policy: AbandonPolicy
) -> None:
    services.configure(performer_id=ruby.pk, abandon_policy=policy)
    items = [buy(alice, ruby, 10, duration_s=20) for _ in range(2)]
    if watched:
        services.record_heartbeat(performer_id=ruby.pk, actor=ruby, state=Presence.STREAMING)
    if started:
        services.start(item_id=items[0].pk, actor=ruby)
    moments = 0

    while (due_at := services.due_at(ruby.pk)) is not None:
        gate = services.Gate.of_performers([ruby.pk])
        clock.shift(seconds=(due_at - db_now()).total_seconds() - 1)
        assert gate.overdue() == []
        clock.shift(seconds=2)
        assert gate.overdue() == [ruby.pk]
        gate.before_read()
        moments += 1

    assert moments >= 2


def test_what_becomes_due_is_expired_by_the_next_read(clock: Clock, ruby: User, item: QueueItem) -> None:
    assert_current(ruby)
    assert statements(ruby) == (200, 1)

    clock.shift(seconds=121)

    assert client_of(None).get(address(ruby)).json()["items"] == []
    assert_current(ruby)


def test_an_absent_performers_queue_is_closed_by_the_next_read(clock: Clock, ruby: User, item: QueueItem) -> None:
    command(lambda: services.record_heartbeat(performer_id=ruby.pk, actor=ruby, state=Presence.STREAMING))
    assert_current(ruby)

    clock.shift(seconds=61 + 300)

    assert client_of(None).get(address(ruby)).json()["open"] is False
    assert_current(ruby)


def test_a_row_changed_by_hand_is_seen_at_once(ruby: User, item: QueueItem) -> None:
    before = assert_current(ruby)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE perfqueue_queueitem SET title = 'By hand' WHERE id = %s", [item.pk])
    named = assert_current(ruby)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE perfqueue_performerqueue SET depth = 3 WHERE performer_id = %s", [ruby.pk])

    assert len({before, named, assert_current(ruby)}) == 3


def test_the_queue_of_a_deactivated_performer_is_gone_at_once(ruby: User) -> None:
    assert_current(ruby)

    deactivated(ruby)

    assert client_of(None).get(address(ruby)).status_code == 404


def test_signed_in_people_get_nothing_that_was_rendered_for_others(ruby: User, alice: User, item: QueueItem) -> None:
    assert_current(ruby)

    assert client_of(alice).get(address(ruby)).json()["items"][0]["mine"] is True
    assert client_of(None).get(address(ruby)).json()["items"][0]["mine"] is False


def test_a_read_that_a_change_overtakes_is_not_served_again(
    ruby: User, item: QueueItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = services.queue_view

    def overtaken(performer_id: object, **how: object) -> services.QueueView:
        view = read(ruby.pk, viewer=None)
        PerformerQueue.objects.filter(pk=ruby.pk).update(depth=9)
        return view

    monkeypatch.setattr(services, "queue_view", overtaken)
    assert client_of(None).get(address(ruby)).json()["maxDepth"] == 25
    monkeypatch.undo()

    assert client_of(None).get(address(ruby)).json()["maxDepth"] == 9
    assert_current(ruby)


def test_a_lost_connection_is_made_again(ruby: User) -> None:
    etag = assert_current(ruby)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    killer = connection.copy()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    killer.close()

    assert client_of(None).get(address(ruby)).headers["ETag"] == etag
