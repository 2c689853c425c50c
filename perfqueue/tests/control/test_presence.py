"""A watched performer's absence: what it ends, what it stops, and when the stream has ended. Nothing sleeps."""

from datetime import timedelta

import pytest

from accounts.models import User
from core.errors import Forbidden, NotFound
from perfqueue import services
from perfqueue.models import PerformerQueue, Transition
from perfqueue.services import Presence, State
from tests import world
from tests.clock import Clock
from tests.world import again, available, buy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ruby() -> User:
    return world.performer("ruby", rope_drop_s=120, disconnect_s=60)


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=1_000)


def beat(performer: User, state: Presence = Presence.STREAMING) -> PerformerQueue:
    services.expire_due(performer.pk)
    return services.record_heartbeat(performer_id=performer.pk, actor=performer, state=state)


def queue_of(performer: User) -> PerformerQueue:
    return PerformerQueue.objects.get(pk=performer.pk)


def test_a_queue_without_a_heartbeat_is_not_watched(ruby: User, alice: User, clock: Clock) -> None:
    item = buy(alice, ruby, duration_s=3_000)
    services.start(item_id=item.pk, actor=ruby)

    clock.shift(seconds=1_000)

    assert services.sweep("test") == 0
    assert again(item).state == State.STARTED


def test_a_heartbeat_before_the_queue_was_opened_starts_no_watch(ruby: User, clock: Clock) -> None:
    services.close_queue(performer_id=ruby.pk, actor=ruby)
    beat(ruby)
    services.open_queue(performer_id=ruby.pk, actor=ruby)

    clock.shift(seconds=1_000)

    assert services.sweep("test") == 0
    assert queue_of(ruby).is_open


def test_silence_beyond_the_grace_ends_the_started_item_and_the_buyer_has_the_tokens_back(
    ruby: User, alice: User, clock: Clock
) -> None:
    item = buy(alice, ruby, duration_s=3_000)
    services.start(item_id=item.pk, actor=ruby)
    beat(ruby)

    clock.shift(seconds=59)
    assert services.sweep("test") == 0
    clock.shift(seconds=2)
    assert services.sweep("test") == 1

    ended = again(item)
    assert (ended.state, ended.cause, available(alice)) == (State.REFUNDED, "DISCONNECTED", 1_000)
    assert queue_of(ruby).presence == Presence.OFFLINE
    assert services.sweep("test") == 0


def test_heartbeats_keep_the_started_item(ruby: User, alice: User, clock: Clock) -> None:
    item = buy(alice, ruby, duration_s=3_000)
    services.start(item_id=item.pk, actor=ruby)

    for _ in range(20):
        beat(ruby, Presence.IDLE)
        clock.shift(seconds=50)

    assert again(item).state == State.STARTED


def test_by_the_policy_review_a_lost_connection_keeps_the_hold(ruby: User, alice: User, clock: Clock) -> None:
    services.configure(performer_id=ruby.pk, abandon_policy="review")
    item = buy(alice, ruby)
    services.start(item_id=item.pk, actor=ruby)
    beat(ruby)

    clock.shift(seconds=61)
    services.sweep("test")

    assert (again(item).state, available(alice)) == (State.ABANDONED, 900)


def test_the_rope_drop_stands_still_from_the_moment_of_silence_however_late_it_is_seen(
    ruby: User, alice: User, clock: Clock
) -> None:
    item = buy(alice, ruby)
    beat(ruby)

    clock.shift(seconds=110)  # 60 s of grace, then 50 s of silence that nobody has looked at yet
    assert services.sweep("test") == 1
    left = again(item).rope_drop_left_ms
    assert left is not None
    assert 59_000 < left <= 60_000

    clock.shift(seconds=200)
    assert again(item).state == State.CREATED
    queue = beat(ruby)
    running = again(item).rope_drop_at
    assert running is not None
    assert queue.seen_at is not None
    assert abs((running - queue.seen_at) - timedelta(milliseconds=left)) < timedelta(milliseconds=5)


def test_what_was_due_before_the_silence_is_carried_out_first(ruby: User, alice: User, clock: Clock) -> None:
    services.configure(performer_id=ruby.pk, rope_drop_s=30)
    first, second = buy(alice, ruby), buy(alice, ruby)
    beat(ruby)

    clock.shift(seconds=70)
    services.sweep("test")

    assert again(first).cause == "ROPE_DROP_EXPIRED"
    assert (again(second).state, again(second).rope_drop_at) == (State.CREATED, None)
    assert queue_of(ruby).away_at is not None


def test_offline_does_at_once_what_silence_would(ruby: User, alice: User) -> None:
    staged, next_up = buy(alice, ruby), buy(alice, ruby)
    services.start(item_id=staged.pk, actor=ruby)
    beat(ruby)

    beat(ruby, Presence.OFFLINE)

    assert (again(staged).cause, again(next_up).rope_drop_at) == ("DISCONNECTED", None)
    assert queue_of(ruby).presence == Presence.OFFLINE


def test_five_minutes_more_of_silence_end_the_stream_for_everybody(ruby: User, alice: User, clock: Clock) -> None:
    items = [buy(alice, ruby) for _ in range(3)]
    beat(ruby)

    clock.shift(seconds=359)
    services.sweep("test")
    assert queue_of(ruby).is_open
    clock.shift(seconds=2)
    services.sweep("test")

    queue = queue_of(ruby)
    assert (queue.is_open, queue.silent_at, queue.ends_at, queue.away_at) == (False, None, None, None)
    assert [(again(item).state, again(item).cause) for item in items] == [(State.REFUNDED, "STREAM_ENDED")] * 3
    assert available(alice) == 1_000


def test_offline_repeated_does_not_put_off_the_end(ruby: User, alice: User, clock: Clock) -> None:
    item = buy(alice, ruby)
    beat(ruby)
    for _ in range(16):
        beat(ruby, Presence.OFFLINE)
        clock.shift(seconds=20)

    services.sweep("test")

    assert again(item).cause == "STREAM_ENDED"


def test_offline_again_ends_what_was_started_after_it(ruby: User, alice: User) -> None:
    item = buy(alice, ruby)
    beat(ruby, Presence.OFFLINE)
    services.start(item_id=item.pk, actor=ruby)

    beat(ruby, Presence.OFFLINE)

    assert (again(item).state, again(item).cause) == (State.REFUNDED, "DISCONNECTED")
    assert available(alice) == 1_000


def test_one_late_read_carries_out_absence_and_end_in_their_order(ruby: User, alice: User, clock: Clock) -> None:
    staged, waiting = buy(alice, ruby, duration_s=3_000), buy(alice, ruby)
    services.start(item_id=staged.pk, actor=ruby)
    beat(ruby)

    clock.shift(hours=1)
    services.expire_due(ruby.pk)

    assert (again(staged).cause, again(waiting).cause) == ("DISCONNECTED", "STREAM_ENDED")
    steps = Transition.objects.filter(item=staged).order_by("id").values_list("to_state", flat=True)
    assert list(steps) == ["created", "started", "abandoned", "refunded"]


def test_a_command_carries_out_the_absence_first(ruby: User, alice: User, clock: Clock) -> None:
    item = buy(alice, ruby)
    beat(ruby)
    clock.shift(seconds=400)

    client = world.client_of(ruby)
    answer = client.post(f"/api/v1/queue/items/{item.pk}/start", {}, format="json", headers=world.key())

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "INVALID_TRANSITION")
    assert again(item).cause == "STREAM_ENDED"


def test_she_speaks_for_herself_alone(ruby: User) -> None:
    with pytest.raises(Forbidden):
        services.record_heartbeat(performer_id=ruby.pk, actor=world.performer(), state=Presence.STREAMING)
    with pytest.raises(NotFound):
        services.record_heartbeat(performer_id=world.person().pk, actor=ruby, state=Presence.STREAMING)


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("ruby", {"state": "streaming"}, 200),
        ("ruby", {"state": "idle"}, 200),
        ("ruby", {"state": "here"}, 400),
        ("ruby", {}, 400),
        ("ruby", {"state": "idle", "since": 1}, 400),
        ("another performer", {"state": "idle"}, 403),
        ("a user", {"state": "idle"}, 403),
    ],
)
def test_the_endpoint_of_heartbeats(ruby: User, who: str, body: dict[str, object], status: int) -> None:
    actor = {"ruby": ruby, "another performer": world.performer(), "a user": world.person()}[who]

    answer = world.client_of(actor).post(f"/api/v1/performer/{ruby.pk}/presence", body, format="json")

    assert answer.status_code == status
    if status == 200:
        assert answer.json()["state"] == body["state"]
        assert answer.json()["watched"] is True
