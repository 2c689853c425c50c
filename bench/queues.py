"""The queues between the loads: filled, emptied and read outside of what is measured."""

import http.client
from collections.abc import Iterator, Sequence
from itertools import chain, count, repeat
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from bench import load
from bench.load import post
from bench.world import World

CONNECTIONS = 16
WITHIN_S = 300.0
WAITING = """
SELECT performer_id, count(*) FROM perfqueue_queueitem WHERE state = 'created' GROUP BY performer_id"""
HEADS = """
SELECT DISTINCT ON (performer_id) performer_id, id FROM perfqueue_queueitem i
 WHERE state = 'created' AND NOT EXISTS (
       SELECT FROM perfqueue_queueitem s WHERE s.performer_id = i.performer_id AND s.state = 'started')
 ORDER BY performer_id, turn"""
STARTED = "SELECT performer_id, id FROM perfqueue_queueitem WHERE state = 'started'"


class Queues:
    """The queues of a stack's performers."""

    def __init__(self, url: str, database_url: str, world: World) -> None:
        self.url = url
        self.world = world
        self._database_url = database_url
        self._numbers = count()
        self._tokens = {room.performer: room.token for room in world.rooms}

    def stand(self, depth: int) -> None:
        """Let exactly that many wait in every queue, and finish what is started."""
        self.finish_started()
        waiting = dict(self._rows(WAITING))
        if any(number > depth for number in waiting.values()):
            self.empty()
            waiting = {}
        missing = [repeat(room, depth - waiting.get(room.performer, 0)) for room in self.world.rooms]
        self._send(self.world.purchases(chain.from_iterable(missing)))

    def empty(self) -> None:
        """Close every queue, which refunds everybody who waits, and open it again; what is started is finished."""
        self._send(iter(self.finishes()))
        for verb in ("close", "open"):
            self._send(
                post(f"/performer/{room.performer}/queue/{verb}", token=room.token, key=self._key(verb), body=b"{}")
                for room in self.world.rooms
            )

    def need_heads(self, depth: int) -> None:
        """Let that many wait in every queue again if one of them has nothing to start."""
        if len(self.starts()) < len(self.world.rooms):
            self.stand(depth)

    def start_heads(self) -> None:
        self._send(iter(self.starts()))

    def finish_started(self) -> None:
        self._send(iter(self.finishes()))

    def starts(self) -> list[bytes]:
        """A start of the head of each queue in which nothing is started."""
        return self._commands("start", HEADS)

    def finishes(self) -> list[bytes]:
        """A finish of each started item."""
        return self._commands("finish", STARTED)

    def etags(self, path: str) -> Iterator[tuple[str, str]]:
        """Read `path` of each performer once; yield it with the entity tag of its answer."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "localhost", place.port)
        for room in self.world.rooms:
            whole = path.format(room.performer)
            connection.request("GET", whole)
            answer = connection.getresponse()
            answer.read()
            yield whole, answer.headers["ETag"]
        connection.close()

    def _commands(self, verb: str, query: str) -> list[bytes]:
        return [
            post(f"/queue/items/{item}/{verb}", token=self._tokens[performer], key=f"bench-{verb}-{item}", body=b"{}")
            for performer, item in self._rows(query)
        ]

    def _key(self, verb: str) -> str:
        return f"bench-{verb}-{next(self._numbers):09d}"

    def _rows(self, query: str) -> Sequence[tuple[UUID, Any]]:
        with psycopg.connect(self._database_url) as connection:
            return connection.execute(query.encode()).fetchall()

    def _send(self, requests: Iterator[bytes]) -> None:
        """Send requests that must succeed."""
        sent = load.run(self.url, requests, seconds=WITHIN_S, connections=CONNECTIONS)
        if sent.errors:
            raise RuntimeError(f"The queues could not be prepared: {dict(sent.statuses)}.")
