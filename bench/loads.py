"""The loads by name: which requests, over how many connections, and what must be true of the queues before them."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice

from bench import load, streams
from bench.cpu import Meter
from bench.figures import Figures
from bench.load import OK, Measured, get
from bench.queues import Queues
from bench.world import DEPTH
from xxxchat.stack import Stack

WARM_UP_S = 1.0
USER_CAP = 3
"""Open requests of a buyer in one queue: the default."""
STANDING = 25
"""How many wait in each queue that is read, or whose head is started: the default depth."""
STREAMS = 1_000
JOINS_PER_TICK, TICKS_PER_S = 4, 10
"""The purchases whose events the streams carry: 40 a second, below any machine's limit."""


@dataclass(frozen=True)
class Load:
    """Requests in slices; what `slices` does between two of them is not measured."""

    connections: int
    slices: Callable[[Queues], Iterator[Iterator[bytes]]]
    wanted: Collection[int] = field(default=OK)

    def run(self, stack: Stack, queues: Queues, seconds: float) -> Figures:
        """Warm up, then measure for `seconds` in all."""
        slices, meter = self.slices(queues), Meter(stack.processes)
        self._measure(stack.url, slices, min(WARM_UP_S, seconds), Meter(stack.processes))
        measured = self._measure(stack.url, slices, seconds, meter)
        return Figures.of(measured, measured.latencies, meter)

    def _measure(self, url: str, slices: Iterator[Iterator[bytes]], seconds: float, meter: Meter) -> Measured:
        measured = Measured(self.wanted)
        while measured.seconds < seconds:
            requests, left = next(slices), seconds - measured.seconds
            work = partial(load.run, url, requests, seconds=left, connections=self.connections, wanted=self.wanted)
            measured.add(meter.over(work))
        return measured


def spins(queues: Queues) -> Iterator[Iterator[bytes]]:
    while True:
        yield queues.world.spins()


def purchases(queues: Queues) -> Iterator[Iterator[bytes]]:
    """From each queue in turn, until the queues are full."""
    rooms = queues.world.rooms
    while True:
        queues.empty()
        yield queues.world.purchases(islice(cycle(rooms), len(rooms) * _depth(queues)))


def purchases_of_one_queue(queues: Queues) -> Iterator[Iterator[bytes]]:
    """From one queue until it is full, then from the next."""
    while True:
        queues.empty()
        yield queues.world.purchases(room for room in queues.world.rooms for _ in range(_depth(queues)))


def starts(queues: Queues) -> Iterator[Iterator[bytes]]:
    """Of the head of each queue; in between they are finished."""
    queues.stand(STANDING)
    while True:
        queues.finish_started()
        queues.need_heads(STANDING)
        yield iter(queues.starts())


def finishes(queues: Queues) -> Iterator[Iterator[bytes]]:
    """Of what is started in each queue; in between the heads are started."""
    queues.stand(STANDING)
    while True:
        queues.need_heads(STANDING)
        queues.start_heads()
        yield iter(queues.finishes())


def reads(path: str) -> Callable[[Queues], Iterator[Iterator[bytes]]]:
    """Return reads by strangers of `path` of each performer in turn."""

    def slices(queues: Queues) -> Iterator[Iterator[bytes]]:
        queues.stand(STANDING)
        requests = [get(path.format(room.performer)) for room in queues.world.rooms]
        while True:
            yield cycle(requests)

    return slices


def reads_of_the_same(path: str) -> Callable[[Queues], Iterator[Iterator[bytes]]]:
    """Return reads of clients who have the present answer and say so."""

    def slices(queues: Queues) -> Iterator[Iterator[bytes]]:
        queues.stand(STANDING)
        requests = [get(whole, If_None_Match=etag) for whole, etag in queues.etags(path)]
        while True:
            yield cycle(requests)

    return slices


QUEUE = "/api/v1/performer/{}/queue"
LOADS = {
    "spins 64": Load(64, spins),
    "spins 16": Load(16, spins),
    "spin alone": Load(1, spins),
    "purchases 64": Load(64, purchases),
    "purchases one queue": Load(32, purchases_of_one_queue),
    "start": Load(16, starts),
    "finish": Load(16, finishes),
    "queue read": Load(16, reads(QUEUE)),
    "queue read 304": Load(16, reads_of_the_same(QUEUE), wanted=frozenset({304})),
    "room page": Load(16, reads("/rooms/{}")),
    "menus read": Load(16, reads("/api/v1/performer/{}/menus")),
}
STREAMED = "streams"
BESIDE, ELSEWHERE = "spins 64", "spins loyalty"
"""The second is the first with points that live elsewhere, on a stack of its own (`bench.elsewhere`)."""
NAMES = (*LOADS, STREAMED, ELSEWHERE)


def chosen(only: Sequence[str] | None) -> list[str]:
    """Return the loads to run in their order: all, or those asked for; what runs elsewhere comes last, after the load
    that it is compared with."""
    names = dict.fromkeys(only or NAMES)
    if ELSEWHERE not in names:
        return list(names)
    del names[ELSEWHERE]
    return [*([] if BESIDE in names else [BESIDE]), *names, ELSEWHERE]


def run(name: str, stack: Stack, queues: Queues, seconds: float) -> Figures:
    """Run a load by its name."""
    return _streams(stack, queues, seconds) if name == STREAMED else LOADS[name].run(stack, queues, seconds)


def _streams(stack: Stack, queues: Queues, seconds: float) -> Figures:
    """Keep streams of the rooms open while people buy: events a second at the clients, and from a row to a client."""
    queues.empty()
    rooms = queues.world.rooms
    paths = [f"/live/performer/{room.performer}" for room in islice(cycle(rooms), STREAMS)]
    meter = Meter(stack.processes)
    joined, delays = streams.while_open(
        stack.url, paths, partial(meter.over, partial(_paced_purchases, stack.url, queues, seconds))
    )
    return Figures.of(joined, delays, meter)


def _paced_purchases(url: str, queues: Queues, seconds: float) -> Measured:
    """Buy at a fixed rate, a few at a time; `seconds` of what is returned is the time from the first to the last."""
    requests = queues.world.purchases(cycle(queues.world.rooms))
    measured, began = Measured(), time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        measured.add(load.run(url, islice(requests, JOINS_PER_TICK), seconds=seconds, connections=JOINS_PER_TICK))
        # Not a wait for something: the load has a fixed rate.
        time.sleep(max(0.0, 1 / TICKS_PER_S - (time.perf_counter() - began - passed)))
    measured.seconds = time.perf_counter() - began
    return measured


def _depth(queues: Queues) -> int:
    """How many may wait in each queue: no more than its depth, nor than buyers may have open."""
    world = queues.world
    return min(DEPTH, USER_CAP * len(world.tokens) // len(world.rooms))
