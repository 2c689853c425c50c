"""Fan-out in memory: the open streams, which channels they listen to, and the bounds of both.

All of it runs in one event loop. A read of the outbox fetches only events of the channels that had a stream when it
began; a stream opened during a read that leaves its channel out starts when that read has ended. So a stream misses
nothing that is committed after its start, and the events before are `replay`'s.
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

    poll_s: float = 0.1
    crowd: int = 500  # streams with events of one read, after which the next waits twice as long: larger pieces
    open_s: float = 2.0  # wait for a transaction that stays open; then it is passed, and its events come late
    again_s: float = 30.0  # a replay begins so long before the id that the client names
    heartbeat_s: float = 15.0
    lifetime_s: float = 300.0  # then the client reconnects and is authenticated again
    send_s: float = 20.0  # a client that takes nothing for so long is disconnected
    retry_s: float = 1.0
    streams: int = 4_000
    streams_per_person: int = 8
    streams_per_address: int = 500
    buffered: int = 1_000  # events buffered for one slow client
    replayed: int = 500  # events replayed to one client that reconnects


class Stream:
    """One open stream and the events buffered for it. `after`: the position from which it goes on, once it started."""

    def __init__(self, channel: Channel, owner: str | None, *, capacity: int) -> None:
        self.channel = channel
        self.owner = owner
        self.after: Position = (0, 0)
        self.complete = True
        self.ended = False
        self._waiting: deque[FramedEvent] = deque()
        self._capacity = capacity
        self._has_started = asyncio.Event()
        self._has_events = asyncio.Event()

    def start(self, after: Position) -> None:
        """Go on from here: every later read of the outbox includes the stream's channel."""
        self.after = after
        self._has_started.set()

    async def started(self) -> None:
        """Wait for the start."""
        await self._has_started.wait()

    def offer(self, event: FramedEvent) -> None:
        """Buffer an event. End the stream when the buffer is full: the client reconnects and gets a replay."""
        if self.ended or not self._has_started.is_set():
            return
        if len(self._waiting) >= self._capacity:
            self.end()
            return
        self._waiting.append(event)
        self._has_events.set()

    def resume(self, after: Position, missed: Iterable[FramedEvent], *, complete: bool) -> None:
        """Continue from a client's position: send what it missed first, and no event twice."""
        self.after, self.complete = after, complete
        replayed = list(missed)
        positions = {event.position for event in replayed}
        replayed += [event for event in self._waiting if event.position not in positions]
        self._waiting = deque(replayed)
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
        if not self._has_events.is_set():
            try:
                async with asyncio.timeout(within_s):
                    await self._has_events.wait()
            except TimeoutError:
                return b""
        self._has_events.clear()
        waiting, self._waiting = self._waiting, deque()
        return b"".join([event.frame(self.channel) for event in waiting])


class Hub:
    """All streams of this process, and how far the outbox has been read for them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.position: Position = (0, 0)
        self._streams: dict[Channel, set[Stream]] = defaultdict(set)
        self._open: Counter[str] = Counter()
        self._count = 0
        self._reading: frozenset[Channel] | None = None
        self._starting: list[Stream] = []

    def begin_read(self) -> frozenset[Channel]:
        """Return the channels that somebody listens to; `publish` their events, then `end_read`."""
        self._reading = frozenset(self._streams)
        return self._reading

    def publish(self, events: Iterable[FramedEvent], *, upto: Position) -> int:
        """Distribute the events of one read of the outbox, late ones first, and record how far it read.

        Returns how many streams have got some.
        """
        told: set[Stream] = set()
        for event in events:
            for channel in event.channels:
                streams = self._streams.get(channel, set())
                told |= streams
                for stream in streams:
                    stream.offer(event)
        self.position = upto
        return len(told)

    def end_read(self) -> None:
        """End a read, also one that failed: start the streams that were opened during it."""
        self._reading = None
        for stream in self._starting:
            stream.start(self.position)
        self._starting.clear()

    def subscribe(self, channel: Channel, *, owner: str | None) -> Stream:
        """Open a stream; it starts at once, or when the read that runs without its channel has ended.

        `owner`: for whom it is counted; None for nobody.

        Raises:
            TooManyStreams: nothing was opened.
        """
        self._assert_below_limits(owner)
        stream = Stream(channel, owner, capacity=self.limits.buffered)
        self._streams[channel].add(stream)
        self._count += 1
        if owner is not None:
            self._open[owner] += 1
        if self._reading is None or channel in self._reading:
            stream.start(self.position)
        else:
            self._starting.append(stream)
        return stream

    def unsubscribe(self, stream: Stream) -> None:
        streams = self._streams[stream.channel]
        streams.discard(stream)
        if not streams:
            del self._streams[stream.channel]
        self._count -= 1
        if stream.owner is not None:
            self._open[stream.owner] -= 1
            if not self._open[stream.owner]:
                del self._open[stream.owner]

    def end_all(self) -> None:
        """End every stream; the process is about to stop."""
        for streams in self._streams.values():
            for stream in streams:
                stream.end()

    def _assert_below_limits(self, owner: str | None) -> None:
        counted = [(self._count, self.limits.streams)]
        if owner is not None:
            own = self.limits.streams_per_person if owner.startswith("person:") else self.limits.streams_per_address
            counted.insert(0, (self._open[owner], own))
        for taken, limit in counted:
            if taken >= limit:
                raise TooManyStreams(limit=limit, retry_after_s=30)
