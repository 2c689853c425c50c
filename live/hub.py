"""Fan-out in memory: open streams, recent events for replay, and the bounds of both.

All of it runs in one event loop; `subscribe` and `publish` await nothing, so a stream starts where its replay ends.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from live.errors import TooManyStreams
from live.feed import Channel, FramedEvent, Position


@dataclass(frozen=True)
class Limits:
    """Bounds of one events process. Seconds and counts."""

    poll_s: float = 0.2
    heartbeat_s: float = 15.0
    lifetime_s: float = 300.0  # then the client reconnects and is authenticated again
    send_s: float = 20.0  # a client that takes nothing for so long is disconnected
    retry_s: float = 1.0
    streams: int = 4_000
    streams_per_person: int = 8
    streams_per_address: int = 500
    buffered: int = 1_000  # events buffered for one slow client
    replayed: int = 500  # events replayed to one client that reconnects
    remembered: int = 20_000  # events kept for replay


class Stream:
    """One open stream and the events buffered for it."""

    def __init__(self, channel: Channel, owner: str, *, after: Position, capacity: int) -> None:
        self.channel = channel
        self.owner = owner
        self.after = after
        self.complete = True
        self.ended = False
        self._waiting: deque[FramedEvent] = deque()
        self._capacity = capacity
        self._has_events = asyncio.Event()

    def offer(self, event: FramedEvent) -> None:
        """Buffer an event. End the stream when the buffer is full: the client reconnects and gets a replay."""
        if self.ended or event.position <= self.after:
            return
        if len(self._waiting) >= self._capacity:
            self.end()
            return
        self._waiting.append(event)
        self._has_events.set()

    def resume(self, after: Position, missed: Iterable[FramedEvent]) -> None:
        """Start from an earlier position, with the events missed since then buffered."""
        self.after = after
        self._waiting.extend(missed)
        if self._waiting:
            self._has_events.set()

    def end(self) -> None:
        """Accept no more events; those buffered are still sent."""
        self.ended = True
        self._has_events.set()

    @property
    def drained(self) -> bool:
        return not self._waiting

    async def next(self, *, within_s: float) -> bytes:
        """Return all buffered events as one piece; empty if none came in time or the stream ended."""
        try:
            await asyncio.wait_for(self._has_events.wait(), within_s)
        except TimeoutError:
            return b""
        self._has_events.clear()
        waiting, self._waiting = self._waiting, deque()
        return b"".join(event.frame(self.channel) for event in waiting)


class Hub:
    """All streams of this process and the events remembered for replay."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.position: Position = (0, 0)
        self.horizon = 0  # no transaction at or above this id had begun at the last read
        self.floor: Position = (0, 0)  # everything after it is remembered
        self._has_read = asyncio.Event()
        self._remembered: deque[FramedEvent] = deque()
        self._by_channel: dict[Channel, deque[FramedEvent]] = defaultdict(deque)
        self._streams: dict[Channel, set[Stream]] = defaultdict(set)
        self._open: Counter[str] = Counter()

    def publish(self, events: Iterable[FramedEvent], *, upto: Position, horizon: int) -> None:
        """Distribute the events of one read of the outbox, in order, and record how far it read."""
        for event in events:
            self._remember(event)
            for channel in event.channels:
                for stream in self._streams.get(channel, ()):
                    stream.offer(event)
        self.position, self.horizon = upto, horizon
        self._has_read.set()
        self._has_read = asyncio.Event()

    def subscribe(self, channel: Channel, *, owner: str, last: Position | None) -> Stream:
        """Open a stream; with `last`, the events after it are buffered for it.

        If `last` is older than what is remembered, or from a database without such a transaction, the stream is
        incomplete: the client must read the state again.

        Raises:
            TooManyStreams: nothing was opened.
        """
        self._assert_below_limits(owner)
        stream = Stream(channel, owner, after=self.position, capacity=self.limits.buffered)
        if last is not None:
            self._replay(stream, last)
        self._streams[channel].add(stream)
        self._open[owner] += 1
        return stream

    def unsubscribe(self, stream: Stream) -> None:
        streams = self._streams[stream.channel]
        streams.discard(stream)
        if not streams:
            del self._streams[stream.channel]
        self._open[stream.owner] -= 1
        if not self._open[stream.owner]:
            del self._open[stream.owner]

    def end_all(self) -> None:
        """End every stream; the process is about to stop."""
        for streams in self._streams.values():
            for stream in streams:
                stream.end()

    async def fresh_read(self) -> None:
        """Wait for a read of the outbox that begins after this call: one may be running, the next is fresh."""
        for _ in range(2):
            await self._has_read.wait()

    def start_at(self, position: Position, *, horizon: int, remembered: Iterable[FramedEvent]) -> None:
        """Start at the position of the outbox; `remembered` is its newest part, in order."""
        known = list(remembered)
        for event in known:
            self._remember(event)
        self.position, self.horizon = position, horizon
        self.floor = known[0].position if known else position

    def _assert_below_limits(self, owner: str) -> None:
        own = self.limits.streams_per_person if owner.startswith("person:") else self.limits.streams_per_address
        for taken, limit in ((self._open[owner], own), (self._open.total(), self.limits.streams)):
            if taken >= limit:
                raise TooManyStreams(limit=limit, retry_after_s=30)

    def _replay(self, stream: Stream, last: Position) -> None:
        """Buffer the events after `last`, or as many of them as are remembered and allowed."""
        if last[0] > self.horizon:  # not an id of this database: it was restored from a backup
            stream.complete = False
            return
        missed = [event for event in self._by_channel.get(stream.channel, ()) if event.position > last]
        stream.complete = last >= self.floor and len(missed) <= self.limits.replayed
        missed = missed[-self.limits.replayed :]
        if not stream.complete:
            last = (missed[0].position[0], missed[0].position[1] - 1) if missed else self.position
        stream.resume(last, missed)

    def _remember(self, event: FramedEvent) -> None:
        self._remembered.append(event)
        for channel in event.channels:
            self._by_channel[channel].append(event)
        if len(self._remembered) > self.limits.remembered:
            self._forget(self._remembered.popleft())

    def _forget(self, oldest: FramedEvent) -> None:
        self.floor = oldest.position
        for channel in oldest.channels:
            kept = self._by_channel[channel]
            kept.popleft()
            if not kept:
                del self._by_channel[channel]
