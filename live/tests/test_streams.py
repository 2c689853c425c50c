"""The events process against a real database: isolation, replay, and who may listen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from django.test import Client

from accounts import services as accounts
from accounts.models import User
from accounts.tokens import issue
from core.ids import NIL, new_id
from live import services
from live.services import Event
from live.tests.harness import QUICK, Process, committed, running, threaded, writer
from tests.world import deactivated

pytestmark = pytest.mark.django_db(transaction=True)
Story = Callable[[Process], Awaitable[None]]


@dataclass(frozen=True)
class Cast:
    ruby: UUID
    alice: UUID
    bob: UUID
    alice_access: str
    bob_access: str


@pytest.fixture
def cast() -> Cast:
    services.seed_reference()
    ruby = accounts.create_performer(username="ruby", display_name="Ruby")
    alice, bob = (accounts.create_user(username=name) for name in ("alice", "bob"))
    return Cast(ruby.pk, alice.pk, bob.pk, issue(alice).access, issue(bob).access)


def play(story: Story, **limits: float) -> None:
    async def run() -> None:
        async with running(replace(QUICK, **limits)) as process:  # type: ignore[arg-type]
            await story(process)

    asyncio.run(run())


def test_a_stream_has_no_event_of_another_recipient(cast: Cast) -> None:
    async def story(process: Process) -> None:
        room, alice, bob = (
            await process.room(cast.ruby),
            await process.me(cast.alice_access),
            await process.me(cast.bob_access),
        )

        await committed(
            Event("slots.spin", {"payout": 40, "nonce": 0}, room_id=cast.ruby, recipient_id=cast.alice),
            Event("queue.item.next_notice", {"title": "Song"}, recipient_id=cast.bob),
            Event("queue.item.started", {"title": "Song", "userId": cast.bob}, cast.ruby, cast.bob),
            Event("queue.item.started", {"title": "Elsewhere"}, room_id=new_id()),
        )
        await committed(Event("queue.item.finished", {"title": "End"}, cast.ruby, cast.bob))
        await committed(Event("queue.item.next_notice", {"title": "End"}, recipient_id=cast.alice))

        assert [piece.event for piece in await room.events(2)] == ["queue.item.started", "queue.item.finished"]
        assert [piece.event for piece in await alice.events(2)] == ["slots.spin", "queue.item.next_notice"]
        assert [piece.event for piece in await bob.events(3)] == [
            "queue.item.next_notice",
            "queue.item.started",
            "queue.item.finished",
        ]
        assert str(cast.bob) not in room.raw.decode()
        assert room.received[0].data["text"] == "“Song” is on stage."

    play(story)


def test_a_client_that_reconnects_continues_where_the_stream_broke(cast: Cast) -> None:
    async def story(process: Process) -> None:
        before = await process.me(cast.alice_access)
        await committed(Event("slots.spin", {"nonce": 0}, recipient_id=cast.alice))
        await before.events(1)
        await before.leave()
        await committed(*(Event("slots.spin", {"nonce": n}, recipient_id=cast.alice) for n in (1, 2)))

        after = await process.me(cast.alice_access, Last_Event_ID=before.last_id)
        await after.events(3)
        await committed(Event("slots.spin", {"nonce": 3}, recipient_id=cast.alice))

        assert [piece.data["variables"]["nonce"] for piece in await after.events(4)] == [0, 1, 2, 3]
        assert after.received[0].id == before.received[0].id, "what it had comes again with the same id"

    play(story)


def test_a_client_without_an_event_yet_can_reconnect_too(cast: Cast) -> None:
    async def story(process: Process) -> None:
        before = await process.me(cast.alice_access)
        await before.leave()
        await committed(Event("slots.spin", {"nonce": 0}, recipient_id=cast.alice))

        after = await process.me(cast.alice_access, Last_Event_ID=before.last_id)

        assert [piece.event for piece in await after.events(1)] == ["slots.spin"]

    play(story)


def test_a_restart_of_the_process_loses_nothing_and_keeps_the_order(cast: Cast) -> None:
    seen: list[str] = []

    async def first(process: Process) -> None:
        alice = await process.me(cast.alice_access)
        await committed(*(Event("slots.spin", {"nonce": n}, recipient_id=cast.alice) for n in (0, 1)))
        await alice.events(2)
        seen.append(alice.last_id)

    async def second(process: Process) -> None:
        alice = await process.me(cast.alice_access, Last_Event_ID=seen[0])
        assert [piece.data["variables"]["nonce"] for piece in await alice.events(4)] == [0, 1, 2, 3]

    play(first)
    asyncio.run(committed(Event("slots.spin", {"nonce": 2}, recipient_id=cast.alice)))
    asyncio.run(committed(Event("slots.spin", {"nonce": 3}, recipient_id=cast.alice)))
    play(second)


@pytest.mark.parametrize("forgotten", ["0-0", "nonsense", "999999999999-1"])
def test_a_position_that_means_nothing_here_asks_to_read_the_state_anew(cast: Cast, forgotten: str) -> None:
    asyncio.run(committed(*(Event("slots.spin", {"nonce": n}, recipient_id=cast.alice) for n in range(3))))

    async def story(process: Process) -> None:
        alice = await process.me(cast.alice_access, Last_Event_ID=forgotten)
        assert alice.received[0].event == "live.reset"
        await committed(Event("queue.item.next_notice", {"title": "Song"}, recipient_id=cast.alice))
        await alice.until(lambda self: self.received[-1].event == "queue.item.next_notice")

    play(story, replayed=2)


def test_a_silent_stream_beats(cast: Cast) -> None:
    async def story(process: Process) -> None:
        room = await process.room(cast.ruby)
        await room.until(lambda self: self.raw.count(b": still here\n\n") >= 2)
        assert room.raw.startswith(b"retry: 1000\nid: ")
        assert room.received == []

    play(story, heartbeat_s=0.02)


def test_a_stream_ends_after_its_time_and_with_its_token(cast: Cast) -> None:
    async def story(process: Process) -> None:
        room = await process.room(cast.ruby)
        await room.closed()
        await process.get("/live/me", Authorization=f"Bearer {cast.alice_access}").closed()
        assert not process.hub._streams, "closed streams are forgotten"

    play(story, lifetime_s=0.05)


def test_a_client_that_reads_nothing_is_disconnected(cast: Cast) -> None:
    async def story(process: Process) -> None:
        stuck = await process.room(cast.ruby)
        stuck.taking.clear()
        await committed(Event("queue.item.started", {"title": "Song"}, room_id=cast.ruby))
        async with asyncio.timeout(10):
            await stuck.task
        assert not stuck.over, "the server drops the connection without an end"

    play(story, send_s=0.1)


def test_streams_end_when_the_process_stops(cast: Cast) -> None:
    async def story(process: Process) -> None:
        room = await process.room(cast.ruby)
        process.hub.end_all()
        await room.closed()

    play(story)


def test_a_lost_database_connection_is_survived(cast: Cast) -> None:
    def cut() -> None:
        with writer() as link:
            link.autocommit = True
            link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'live'")

    async def story(process: Process) -> None:
        alice = await process.me(cast.alice_access)
        await threaded(cut)
        await committed(Event("slots.spin", {"nonce": 0}, recipient_id=cast.alice))
        assert [piece.event for piece in await alice.events(1)] == ["slots.spin"]

    play(story)


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/live/me", "GET", 401, "UNAUTHENTICATED"),
        ("/live/me", "POST", 401, "UNAUTHENTICATED"),
        ("/live/performer/{ruby}", "POST", 405, "METHOD_NOT_ALLOWED"),
        (f"/live/performer/{NIL}", "GET", 404, "NOT_FOUND"),
        ("/live/performer/{alice}", "GET", 404, "NOT_FOUND"),
        ("/live/performer/ruby", "GET", 404, "NOT_FOUND"),
        ("/live/performer/ruby", "HEAD", 404, "NOT_FOUND"),
        ("/live/performer/{ruby}/", "GET", 404, "NOT_FOUND"),
        ("/live/", "GET", 404, "NOT_FOUND"),
        ("/api/v1/me", "GET", 404, "NOT_FOUND"),
        ("/", "GET", 404, "NOT_FOUND"),
    ],
)
def test_refusals_are_in_the_envelope(cast: Cast, path: str, method: str, status: int, code: str) -> None:
    async def story(process: Process) -> None:
        asked = await process.get(path.format(ruby=cast.ruby, alice=cast.alice), method=method).closed()
        assert (asked.status, asked.body["error"]["code"]) == (status, code)
        assert asked.headers["content-type"] == "application/json"
        assert len(asked.headers["x-request-id"]) == 36

    play(story)


def test_head_answers_the_headers_of_a_stream_and_opens_none(cast: Cast) -> None:
    async def story(process: Process) -> None:
        room = await process.room(cast.ruby)
        head = await process.get(f"/live/performer/{cast.ruby}", method="HEAD").closed()
        me = await process.get("/live/me", method="HEAD", Authorization=f"Bearer {cast.alice_access}").closed()

        assert (head.status, head.raw, me.status, me.raw) == (200, b"", 200, b"")
        assert set(head.headers) == set(room.headers)
        assert head.headers["content-type"] == room.headers["content-type"]
        assert sum(map(len, process.hub._streams.values())) == 1, "only the one that was opened by GET"

    play(story)


@pytest.mark.parametrize("bearer", ["Bearer", "Bearer x", "Bearer é", "Basic YTpi", "Bearer a.b.c"])
def test_an_invalid_bearer_token_is_unauthenticated(cast: Cast, bearer: str) -> None:
    async def story(process: Process) -> None:
        asked = await process.get("/live/me", Authorization=bearer, X_Request_Id="mine-12345678").closed()
        assert (asked.status, asked.headers["x-request-id"]) == (401, "mine-12345678")

    play(story)


def test_a_deactivated_user_is_refused_at_once(cast: Cast) -> None:
    for user in list(User.objects.all()):
        deactivated(user)

    async def story(process: Process) -> None:
        me = await process.get("/live/me", Authorization=f"Bearer {cast.alice_access}").closed()
        room = await process.get(f"/live/performer/{cast.ruby}").closed()
        assert (me.status, room.status) == (401, 404)

    play(story)


def test_a_session_opens_its_own_stream_and_ends_with_it(cast: Cast, client: Client) -> None:
    client.force_login(User.objects.get(pk=cast.alice), backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"sessionid={client.cookies['sessionid'].value}"

    async def story(process: Process) -> None:
        alice = await process.get("/live/me", Cookie=cookie).opened()
        await committed(Event("slots.spin", {"nonce": 0}, recipient_id=cast.alice))
        await alice.events(1)
        await threaded(client.logout)
        again = await process.get("/live/me", Cookie=cookie).closed()
        assert again.status == 401

    play(story)


@pytest.mark.parametrize(
    "cookie", ['sessionid="\\000a"', "sessionid=a\x01", 'sessionid="\\012"', "sessionid=\xff", "=;;="]
)
def test_a_cookie_of_hostile_bytes_is_no_session(cast: Cast, cookie: str) -> None:
    async def story(process: Process) -> None:
        me = await process.get("/live/me", Cookie=cookie, Last_Event_ID="9" * 99, X_Forwarded_For="\xff").closed()
        assert (me.status, me.body["error"]["code"]) == (401, "UNAUTHENTICATED")

    play(story)


def test_a_person_may_have_only_so_many_streams(cast: Cast) -> None:
    async def story(process: Process) -> None:
        for _ in range(2):
            await process.me(cast.alice_access)
        third = await process.get("/live/me", Authorization=f"Bearer {cast.alice_access}").closed()
        assert (third.status, third.body["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert third.headers["retry-after"] == "30"
        await process.me(cast.bob_access)

    play(story, streams_per_person=2)
