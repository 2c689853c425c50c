"""Spins and purchases go to the commands process, and to web while that is away; nothing is sent twice."""

from collections.abc import Iterator

import httpx
import pytest

from tests.stack.fronts import Front, running, upstream
from tests.stack.processes import until
from xxxchat.stack import ports, proxy

SPIN = "/api/v1/slot-machine/spin"
FORM = "/slots/spin"
BUY = "/api/v1/menus/items/01234567-89ab-7def-8123-456789abcdef/purchase"
BACK_WITHIN_S = 3.0


@pytest.fixture
def commands_port() -> int:
    (free,) = ports.free_ports(1)
    return free


@pytest.fixture
def front(commands_port: int) -> Iterator[Front]:
    """A proxy before web alone: nobody listens where the commands process should."""
    with upstream() as web, running(web, proxy.Limits(), commands_port=commands_port) as started:
        yield started


def paths(seen: list[tuple[str, int]]) -> list[str]:
    return [path for path, _ in seen]


def test_only_short_posts_of_both_addresses_go_to_the_commands_process(front: Front, commands_port: int) -> None:
    with upstream(commands_port) as commands:
        for path in (SPIN, BUY):
            assert httpx.post(front.url + path, content=b"{}").status_code == 200
        elsewhere = [
            httpx.get(front.url + SPIN),
            httpx.post(f"{front.url}{SPIN}/other", content=b"{}"),
            httpx.post(front.url + SPIN, content=b"x" * 200_000),
            httpx.post(front.url + BUY, content=iter([b"{}"])),
        ]

    assert paths(commands.seen) == [SPIN, BUY]
    assert [answer.status_code for answer in elsewhere] == [200] * 4
    assert paths(front.web.seen) == [f"{SPIN}/other", SPIN, BUY]


@pytest.fixture
def spinless(commands_port: int) -> Iterator[Front]:
    """A proxy before web that cannot spin, because points live elsewhere."""
    with upstream() as web, running(web, proxy.Limits(), commands_port=commands_port, every_spin=True) as started:
        yield started


def test_where_only_the_commands_process_can_spin_it_gets_every_spin(spinless: Front, commands_port: int) -> None:
    bodies = [b"{}", b"x" * 200_000, b"x" * 3_000_000]
    with upstream(commands_port) as commands:
        for path in (SPIN, FORM):
            answers = [httpx.post(spinless.url + path, content=body) for body in bodies]
            answers.append(httpx.post(spinless.url + path, content=iter([b"chunked"])))
            assert [answer.status_code for answer in answers] == [200] * 4
        httpx.post(spinless.url + BUY, content=bodies[1])
        httpx.get(spinless.url + FORM)
        httpx.post(f"{spinless.url}/slots", content=b"{}")

    assert commands.seen == [(path, size) for path in (SPIN, FORM) for size in (2, 200_000, 3_000_000, 7)]
    assert commands.client == "127.0.0.1"
    assert paths(spinless.web.seen) == [BUY, "/slots"]


def test_while_it_is_away_web_answers_with_the_whole_body_and_it_is_asked_again_once_it_is_back(
    front: Front, commands_port: int
) -> None:
    body = b"x" * 5_000

    assert [httpx.post(front.url + SPIN, content=body).status_code for _ in range(20)] == [200] * 20
    assert front.web.seen == [(SPIN, len(body))] * 20

    with upstream(commands_port) as commands:
        until(lambda: httpx.post(front.url + SPIN, content=body).status_code == 200 and commands.seen,
              within_s=BACK_WITHIN_S)  # fmt: skip


def test_a_request_that_was_sent_is_not_sent_again(front: Front, commands_port: int) -> None:
    """The process ended before it answered: only the client, with its key, may ask again."""
    with upstream(commands_port) as commands:
        answer = httpx.post(front.url + SPIN, content=b"{}", headers={"Idempotency-Key": "drop"})

    assert answer.status_code == 502
    assert paths(commands.seen) == [SPIN]
    assert front.web.seen == []
