"""The commands process: what is plain runs in a batch, everything else is the ordinary endpoint's, as it is."""

import asyncio
import gc
import re
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.callers import Claims
from accounts.models import User
from accounts.tokens import issue
from core.batches import BatchedEndpoint
from core.ids import new_id
from core.models import Heartbeat, IdempotencyKey
from core.origin import origin_of
from core.tests.beats import BEAT, Beats
from core.wire import CleanHandler, CleanRequest
from tests.world import person
from xxxchat.commands.application import Commands
from xxxchat.commands.ordinary import OrdinaryEndpoints, environ_of
from xxxchat.commands.plain import keyed_request
from xxxchat.commands.protocol import WHOLE_ANSWER

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/v1/slot-machine/spin"
Message = dict[str, Any]
ENDPOINT: BatchedEndpoint[str] = BatchedEndpoint(
    path=re.compile(rf"\A{PATH}\Z"), command=BEAT, plain=lambda body, path: body.get("name") or None
)
HANDED_OVER: Message = {"status": 299, "body": b"ordinary", "headers": {b"a": b"b"}}


def ordinary(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """An application that says only that it was asked; to nobody's token it answers as Django does."""
    if environ.get("HTTP_AUTHORIZATION") == "Bearer of-nobody":
        return CleanHandler()(environ, start)
    start("299 Handed over", [("A", "b")])
    return [b"ordinary"]


@pytest.fixture
def user() -> User:
    Heartbeat.objects.create(name="a")
    Beats.sizes.clear()
    return person()


@pytest.fixture
def headers(user: User) -> dict[str, str]:
    return {
        "Host": "localhost",
        "Authorization": f"Bearer {issue(user).access}",
        "Idempotency-Key": str(new_id()),
        "Content-Type": "application/json",
        "X-Request-Id": "request-of-mine",
    }


def scope_of(headers: dict[str, str] | list[tuple[str, str]], body: bytes, **more: Any) -> Message:
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs]
    if not any(name == b"content-length" for name, _ in raw):
        raw.append((b"content-length", str(len(body)).encode()))
    path = more.get("path", PATH)
    usual = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    return usual | {"headers": raw, "client": ("127.0.0.1", 1), "scheme": "http"} | more


async def asked(application: Commands, scope: Message, *messages: Message) -> Message | None:
    """Send one request; return its answer, None if there is none."""
    got: list[Message] = []
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Any) -> None:
        got.append(message)

    await application(scope, receive, send)
    if not got:
        return None
    return {"status": got[0]["status"], "headers": dict(got[0]["headers"]), "body": got[1]["body"]}


def serving(work: Callable[[Commands], Awaitable[Any]], application: Any = ordinary) -> Any:
    """Run `work` with the process's application between its start-up and its shutdown."""

    async def run() -> Any:
        own = Commands(application, [ENDPOINT])
        told: asyncio.Queue[Message] = asyncio.Queue()
        heard: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(own({"type": "lifespan"}, told.get, heard.put))
        await told.put({"type": "lifespan.startup"})
        assert (await heard.get())["type"] == "lifespan.startup.complete"
        try:
            return await asyncio.wait_for(work(own), 30)
        finally:
            await told.put({"type": "lifespan.shutdown"})
            await life
            assert (await heard.get())["type"] == "lifespan.shutdown.complete"

    return asyncio.run(run())


def post(headers: Any, body: bytes = b'{"name": "a"}', **more: Any) -> Any:
    return serving(lambda own: asked(own, scope_of(headers, body, **more), {"type": "http.request", "body": body}))


def test_a_plain_request_is_answered_by_a_batch_with_the_ordinary_headers(headers: dict[str, str]) -> None:
    answer = post(headers)

    ours = answer["headers"]
    assert (answer["status"], answer["body"]) == (200, b'{"name":"a","place":1}')
    assert ours[b"x-request-id"] == b"request-of-mine"
    assert ours[b"content-length"] == b"22"
    assert ours[b"cache-control"] == b"no-store"
    assert b"default-src 'none'" in ours[b"content-security-policy"]
    assert ours[b"vary"] == b"origin"
    assert b"www-authenticate" not in ours
    assert Beats.sizes == [1]


def test_a_replay_and_a_refusal_have_their_headers(headers: dict[str, str], user: User) -> None:
    first, again = post(headers), post(headers)
    refused = post(headers | {"Idempotency-Key": "another-key"}, b'{"name": "who"}')

    assert (again["body"], again["headers"][b"idempotent-replayed"]) == (first["body"], b"true")
    assert b"idempotent-replayed" not in first["headers"]
    assert (refused["status"], refused["headers"][b"www-authenticate"]) == (401, b'Bearer realm="api"')
    assert IdempotencyKey.objects.filter(caller=user.pk).count() == 1


NOT_PLAIN: dict[str, tuple[dict[str, str | None], bytes, dict[str, Any]]] = {
    "method": ({}, b'{"name": "a"}', {"method": "PUT"}),
    "another path": ({}, b'{"name": "a"}', {"path": "/api/v1/wallet"}),
    "query": ({}, b'{"name": "a"}', {"query_string": b"a=b"}),
    "escaped path": ({}, b'{"name": "a"}', {"raw_path": b"/api/v1/slot-machine/s%70in"}),
    "cookie": ({"Cookie": "sessionid=x"}, b'{"name": "a"}', {}),
    "origin": ({"Origin": "https://shop.example"}, b'{"name": "a"}', {}),
    "underscore": ({"Idempotency_Key": "0123456789"}, b'{"name": "a"}', {}),
    "media type": ({"Content-Type": "text/plain"}, b'{"name": "a"}', {}),
    "no media type": ({"Content-Type": None}, b'{"name": "a"}', {}),
    "accept": ({"Accept": "text/html"}, b'{"name": "a"}', {}),
    "no key": ({"Idempotency-Key": None}, b'{"name": "a"}', {}),
    "bad key": ({"Idempotency-Key": "short"}, b'{"name": "a"}', {}),
    "key not ASCII": ({"Idempotency-Key": "schlüssel"}, b'{"name": "a"}', {}),
    "bad token": ({"Authorization": "Bearer a.b.c"}, b'{"name": "a"}', {}),
    "token not ASCII": ({"Authorization": "Bearer ä"}, b'{"name": "a"}', {}),
    "another scheme": ({"Authorization": "Basic a"}, b'{"name": "a"}', {}),
    "no JSON": ({}, b"{", {}),
    "no object": ({}, b"[]", {}),
    "a member twice": ({}, b'{"name": "a", "name": "a"}', {}),
    "not plain": ({}, b'{"name": ""}', {}),
    "wrong length": ({"Content-Length": "3"}, b'{"name": "a"}', {}),
    "chunked": ({"Transfer-Encoding": "chunked"}, b'{"name": "a"}', {}),
    "unknown scheme of the address": ({"X-Forwarded-Proto": "gopher"}, b'{"name": "a"}', {}),
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_what_is_not_plain_is_handed_over(headers: dict[str, str], case: str) -> None:
    changed, body, more = NOT_PLAIN[case]
    sent = {name: value for name, value in (headers | changed).items() if value is not None}

    assert post(sent, body, **more) == HANDED_OVER
    assert Beats.sizes == []


def test_a_header_that_comes_twice_is_handed_over(headers: dict[str, str]) -> None:
    assert post([*headers.items(), ("Accept", "*/*"), ("Accept", "*/*")]) == HANDED_OVER


def test_an_expired_token_is_handed_over_even_if_it_was_sound_a_moment_ago(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(headers)["status"] == 200

    monkeypatch.setattr("xxxchat.commands.plain.time.time", lambda: 2e10)

    assert post(headers) == HANDED_OVER


def test_where_http_is_redirected_only_https_is_for_batches(headers: dict[str, str], settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 60

    assert post(headers) == HANDED_OVER
    secure = post(headers | {"X-Forwarded-Proto": "https"})

    assert (secure["status"], secure["headers"][b"strict-transport-security"][:10]) == (200, b"max-age=60")


class Writer:
    """A protocol's way to write a whole answer: it holds the request's scope, which holds it."""

    def __init__(self, scope: Message) -> None:
        self.scope = scope | {"extensions": {WHOLE_ANSWER: self}}

    def __call__(self, status: int, headers: Any, body: bytes) -> bool:
        return True


def test_nothing_of_a_request_is_left_to_the_collector_of_garbage(headers: dict[str, str]) -> None:
    body = b'{"name": "a"}'

    async def work(own: Commands) -> bool:
        writer = Writer(scope_of(headers, body))
        left = weakref.ref(writer)
        assert await asked(own, writer.scope, {"type": "http.request", "body": body}) is None  # it was written whole
        del writer
        return left() is None

    gc.disable()
    try:
        assert serving(work)
    finally:
        gc.enable()


def test_what_a_batch_leaves_out_is_handed_over(headers: dict[str, str]) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM core_heartbeat FOR UPDATE")

        assert post(headers) == HANDED_OVER
        other.rollback()


def test_a_client_that_has_gone_before_its_body_was_whole_has_asked_nothing(headers: dict[str, str]) -> None:
    scope = scope_of(headers, b'{"name": "a"}')
    messages = ({"type": "http.request", "body": b'{"na', "more_body": True}, {"type": "http.disconnect"})

    assert serving(lambda own: asked(own, scope, *messages)) is None
    assert Beats.sizes == []


def test_a_body_that_never_ends_is_kept_in_part_and_refused(headers: dict[str, str]) -> None:
    lengths = []

    def measuring(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        lengths.append(len(environ["wsgi.input"].read()))
        return ordinary(environ, start)

    piece = {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}
    scope = scope_of(headers, b"")

    answer = serving(lambda own: asked(own, scope, *[piece] * 30), measuring)

    assert (answer["status"], max(lengths)) == (299, 1024 * 1024 + 1)


def test_the_ordinary_endpoints_have_so_many_threads_and_places_and_no_more(settings: Any) -> None:
    settings.COMMANDS_THREADS, settings.COMMANDS_WAITING = 2, 1
    ended, running = threading.Event(), []

    def slow(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_AUTHORIZATION") == "Basic x":
            running.append(True)
            ended.wait(20)
        return ordinary(environ, start)

    async def crowd(own: Commands) -> tuple[list[Message | None], int]:
        def one() -> Awaitable[Message | None]:
            scope = scope_of({"Authorization": "Basic x", "X-Request-Id": "crowd-of-us"}, b"{}")
            return asked(own, scope, {"type": "http.request", "body": b"{}"})

        taken = [asyncio.ensure_future(one()) for _ in range(3)]
        while len(running) < 2:
            await asyncio.sleep(0.01)
        refused = [await one() for _ in range(2)]
        at_once = len(running)
        ended.set()
        return [*await asyncio.gather(*taken), *refused], at_once

    answers, at_once = serving(crowd, slow)

    assert at_once == 2
    assert [answer["status"] for answer in answers] == [299] * 3 + [503] * 2
    assert b"QUEUE_BUSY" in answers[-1]["body"]
    assert answers[-1]["headers"][b"retry-after"] == b"1"
    assert answers[-1]["headers"][b"x-request-id"] == b"crowd-of-us"


def test_an_answer_is_closed_when_it_has_been_read_so_that_connections_are_given_back() -> None:
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return Body([b"a", b"b"])

    async def ask() -> Any:
        lane = OrdinaryEndpoints(application, threads=1, waiting=1)
        return await lane.answer(scope_of({}, b""), b"")

    answer = asyncio.run(ask())

    assert (answer.body, closed) == (b"ab", [True])


def ascii_or(text: str) -> st.SearchStrategy[bytes]:
    return st.sampled_from([text.encode(), b"", "é".encode(), b"\xff", b" , ", b"a,b", b"x" * 500]) | st.binary(
        max_size=50
    )


ORIGINS = st.fixed_dictionaries(
    {},
    optional={
        b"x-demo-region": ascii_or("DRY"),
        b"x-geo-region": ascii_or("DE"),
        b"x-forwarded-for": ascii_or("203.0.113.7, fe80::1%eth0"),
        b"user-agent": ascii_or("a browser"),
    },
)


@pytest.mark.parametrize("locator", ["demo", "header", "static"])
@given(sent=ORIGINS, peer=st.sampled_from(["127.0.0.1", "::1", "fe80::1%eth0", "198.51.100.1", ""]))
def test_a_batch_sees_the_origin_that_the_ordinary_endpoint_sees(
    locator: str, sent: dict[bytes, bytes], peer: str
) -> None:
    body, claims = b'{"name": "a"}', Claims(new_id(), password="", epoch=0, expires_at_s=2**40)
    scope = scope_of({"Authorization": "Bearer token", "Idempotency-Key": "a-key-of-8"}, body, client=(peer, 1))
    scope["headers"] += sent.items()
    chosen = {"JURISDICTION_LOCATOR": locator, "JURISDICTION_HEADER": "X-Geo-Region", "JURISDICTION_DEFAULT": "HOME"}

    with (
        patch("xxxchat.commands.plain.claims", return_value=claims),
        override_settings(**chosen, TRUSTED_PROXIES=1, TRUSTED_PROXY_NETWORKS=["127.0.0.0/8", "::1/128"]),
    ):
        request = keyed_request(ENDPOINT, scope, dict(scope["headers"]), body)
        ordinary_one = origin_of(CleanRequest(environ_of(scope | {"query_string": b""}, body)))

    assert request is not None
    assert request.origin == ordinary_one
