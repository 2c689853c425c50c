"""The queue over HTTP: joins of many queues and of one, starts and finishes, reads, streams."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from bench import load, streams
from bench.load import Measured, get, post
from bench.world import World
from xxxchat.stack import Stack

STREAMS = 200
STREAMED_JOINS_PER_S = 40
HEADS = """
SELECT DISTINCT ON (performer_id) performer_id, id FROM perfqueue_queueitem
 WHERE state = 'created' ORDER BY performer_id, turn"""


def loads(stack: Stack, people: World, *, seconds: int, connections: int) -> dict[str, dict[str, Any]]:
    """Return the figures of each load by name. The first fills queues; the others work on full ones."""
    crowd = load.run(stack.url, people.crowd(), seconds=seconds, connections=connections)
    started, finished = _performances(stack, people, seconds, connections)
    page = load.run(stack.url, _pages(people), seconds=seconds, connections=connections)
    streamed = _streamed(stack, people, seconds)
    return {
        "joins, one line": figures(crowd),
        "start": figures(started),
        "finish": figures(finished),
        "queue, read": figures(page),
        f"{STREAMS} streams": streamed,
    }


def figures(measured: Measured) -> dict[str, Any]:
    return {
        "per_second": round(measured.per_second, 1),
        "p50_ms": round(measured.percentile_ms(0.50), 1),
        "p95_ms": round(measured.percentile_ms(0.95), 1),
        "p99_ms": round(measured.percentile_ms(0.99), 1),
        "statuses": {str(status): number for status, number in sorted(measured.statuses.items())},
        "errors": measured.errors,
    }


def _performances(stack: Stack, people: World, seconds: int, connections: int) -> tuple[Measured, Measured]:
    """Rounds in which every performer starts the head of the queue, then finishes it."""
    started, finished = Measured(), Measured()
    tokens = {room.performer: room.token for room in people.rooms}
    while started.seconds + finished.seconds < seconds:
        with psycopg.connect(stack.database_url) as link:
            heads: list[tuple[UUID, UUID]] = link.execute(HEADS).fetchall()
        if not heads:
            break
        for measured, verb in ((started, "start"), (finished, "finish")):
            requests = [
                post(f"/queue/items/{item}/{verb}", token=tokens[ruby], key=f"bench-{verb}-{item}", body=b"{}")
                for ruby, item in heads
            ]
            measured.add(load.run(stack.url, iter(requests), seconds=60, connections=connections))
    return started, finished


def _pages(people: World) -> Iterator[bytes]:
    """Yield reads of the public queue of one performer after the other."""
    while True:
        for room in people.rooms:
            yield get(f"/performer/{room.performer}/queue")


def _streamed(stack: Stack, people: World, seconds: int) -> dict[str, Any]:
    """Measure streams of rooms, two of each, while people join at a rate below the machine's limit."""
    paths = [f"/live/performer/{people.rooms[place % len(people.rooms)].performer}" for place in range(STREAMS)]
    joins = (request for request, _ in zip(people.latecomers(), range(STREAMED_JOINS_PER_S * seconds), strict=False))
    measured, delays = streams.while_open(
        stack.url, paths, lambda: load.run(stack.url, joins, seconds=seconds, connections=2)
    )
    return figures(measured) | {
        "per_second": round(len(delays) / max(measured.seconds, 0.001), 1),
        "p50_ms": round(streams.percentile_ms(delays, 0.50), 1),
        "p95_ms": round(streams.percentile_ms(delays, 0.95), 1),
        "p99_ms": round(streams.percentile_ms(delays, 0.99), 1),
    }
