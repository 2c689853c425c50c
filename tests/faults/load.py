"""Clients that repeat a command with its key until it is answered."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from tests.flows.person import Person

TRIES = 600
PAUSE_S = 0.05


@dataclass(frozen=True)
class Answered:
    """A command that was acknowledged, with the bytes of its answer."""

    person: str
    path: str
    body: dict[str, Any]
    key: str
    answer: bytes


@dataclass
class Results:
    """The answers that the clients got. `troubles`: answers that did not come, or 5xx, by kind."""

    spins: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)


class Load:
    """`with Load(url, people, item) as load: …` runs clients until the block ends, each until its last answer came."""

    def __init__(self, url: str, people: list[str], item: str, price: int) -> None:
        self.results = Results()
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=len(people))
        self._people = {name: Person(url, name) for name in people}
        self._wish = item, price
        self._running: list[Any] = []

    def __enter__(self) -> "Load":
        self._running = [self._pool.submit(self._client, *each) for each in self._people.items()]
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        for client in self._running:
            client.result(timeout=60)
        self._pool.shutdown()

    def until(self, condition: Callable[[Results], bool], *, within_s: float = 40.0) -> None:
        """Return once the results meet the condition."""
        for _ in range(int(within_s / PAUSE_S)):
            if condition(self.results):
                return
            for client in self._running:
                assert not client.done(), client.result()
            self._over.wait(PAUSE_S)
        raise AssertionError(f"too few results: {len(self.results.spins)} spins, {self.results.troubles[-5:]}")

    def _client(self, name: str, person: Person) -> None:
        item, price = self._wish
        sure = partial(self._sure, name, person)
        with closing(person):
            while not self._over.is_set():
                spin = sure("/slot-machine/spin", {"betAmount": 100})
                self.results.spins.append(spin["spinId"])
                bought = sure(f"/menus/items/{item}/purchase", {"expectedPrice": price})
                self.results.requests.append(bought["queueItem"]["id"])
                sure(f"/queue/items/{bought['queueItem']['id']}/leave", {})

    def _sure(self, name: str, person: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
        key = str(uuid.uuid4())
        for _ in range(TRIES):
            try:
                answer = person.command(path, body, key=key)
            except httpx.TransportError as error:
                trouble = type(error).__name__
            else:
                if answer.status_code < 300:
                    self.results.answered.append(Answered(name, path, body, key, answer.content))
                    done: dict[str, Any] = answer.json()
                    return done
                trouble = f"{answer.status_code} {answer.text[:120]}"
                assert answer.status_code >= 500, trouble
            self.results.troubles.append(trouble)
            threading.Event().wait(PAUSE_S)
        raise AssertionError(f"{path} never had an answer: {self.results.troubles[-3:]}")
