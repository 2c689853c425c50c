"""Fan-out in memory: who listens to what, what was said lately, and how much of either is allowed.

Everything here runs in one event loop and awaits nothing in between, so a stream starts exactly where its replay ends.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from live.errors import TooManyStreams
from live.feed import Channel, Message, Position


@dataclass(frozen=True)
class Limits:
    """Bounds of one events process. Seconds and counts."""

    poll_s: float = 0.2
    heartbeat_s: float = 15.0
    lifetime_s: float = 300.0  # then the client comes back and is authenticated anew
    send_s: float = 20.0  # a client that takes nothing for so long is gone
    retry_s: float = 1.0
    streams: int = 4_000
    streams_per_person: int = 8
    streams_per_address: int = 500
    buffered: int = 1_000  # events waiting for one slow client
    replayed: int = 500  # events given to one client that comes back
    remembered: int = 20_000  # events kept for those who come back


class Stream:
    """One open stream: what waits to be sent on it."""

    def __init__(self, channel: Channel, owner: str, *, after: Position, capacity: int) -> None:
        self.channel = channel
        self.owner = owner
        self.after = after
        self.complete = True
        self.ended = False
        self._waiting: deque[Message] = deque()
        self._capacity = capacity
        self._something = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue an event; a client too slow to take it is cut off, and comes back to a replay."""
        if self.ended or message.position <= self.after:
            return
        if len(self._waiting) >= self._capacity:
            self.end()
            return
        self._waiting.append(message)
        self._something.set()

    def resume(self, after: Position, missed: Iterable[Message]) -> None:
        """Stand after an earlier position, with what was missed since already waiting."""
        self.after = after
        self._waiting.extend(missed)
        if self._waiting:
            self._something.set()

    def end(self) -> None:
        """Let nothing more onto the stream; what waits is still sent."""
        self.ended = True
        self._something.set()

    @property
    def drained(self) -> bool:
        return not self._waiting

    async def next(self, *, within_s: float) -> bytes:
        """Return everything that waits, as one piece; nothing when nothing came in time or the stream ended."""
        try:
            await asyncio.wait_for(self._something.wait(), within_s)
        except TimeoutError:
            return b""
        self._something.clear()
        waiting, self._waiting = self._waiting, deque()
        return b"".join(message.frame(self.channel) for message in waiting)


class Hub:
    """All streams of this process and the memory they are replayed from."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.position: Position = (0, 0)
        self.horizon = 0  # no transaction at or above this id had begun at the last look
        self.floor: Position = (0, 0)  # everything after it is remembered
        self._looked = asyncio.Event()
        self._remembered: deque[Message] = deque()
        self._by_channel: dict[Channel, deque[Message]] = defaultdict(deque)
        self._streams: dict[Channel, set[Stream]] = defaultdict(set)
        self._open: Counter[str] = Counter()

    def publish(self, messages: Iterable[Message], *, upto: Position, horizon: int) -> None:
        """Take what one look at the outbox found, in order, and how far it saw."""
        for message in messages:
            self._remember(message)
            for channel in message.channels:
                for stream in self._streams.get(channel, ()):
                    stream.offer(message)
        self.position, self.horizon = upto, horizon
        self._looked.set()
        self._looked = asyncio.Event()

    def subscribe(self, channel: Channel, *, owner: str, last: Position | None) -> Stream:
        """Open a stream; with `last`, what came after it is already waiting on it.

        A `last` from a time that is no longer remembered, or from a database that knows no such transaction, makes
        the stream incomplete: the client must read the state anew.

        Raises:
            TooManyStreams: nothing was opened.
        """
        self._assert_room_for(owner)
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

    async def fresh_look(self) -> None:
        """Wait for a look at the outbox that begins after this call: one may be under way, the next is fresh."""
        for _ in range(2):
            await self._looked.wait()

    def start_at(self, position: Position, *, horizon: int, remembered: Iterable[Message]) -> None:
        """Take up where the outbox stands when the process starts; `remembered` is its newest part, in order."""
        known = list(remembered)
        for message in known:
            self._remember(message)
        self.position, self.horizon = position, horizon
        self.floor = known[0].position if known else position

    def _assert_room_for(self, owner: str) -> None:
        own = self.limits.streams_per_person if owner.startswith("person:") else self.limits.streams_per_address
        for taken, limit in ((self._open[owner], own), (self._open.total(), self.limits.streams)):
            if taken >= limit:
                raise TooManyStreams(limit=limit, retry_after_s=30)

    def _replay(self, stream: Stream, last: Position) -> None:
        """Put what came after `last` on the stream, or as much of it as is remembered and allowed."""
        if last[0] > self.horizon:  # never given out by this database: it was replaced by an older one
            stream.complete = False
            return
        missed = [message for message in self._by_channel.get(stream.channel, ()) if message.position > last]
        stream.complete = last >= self.floor and len(missed) <= self.limits.replayed
        missed = missed[-self.limits.replayed :]
        if not stream.complete:
            last = (missed[0].position[0], missed[0].position[1] - 1) if missed else self.position
        stream.resume(last, missed)

    def _remember(self, message: Message) -> None:
        self._remembered.append(message)
        for channel in message.channels:
            self._by_channel[channel].append(message)
        if len(self._remembered) > self.limits.remembered:
            self._forget(self._remembered.popleft())

    def _forget(self, oldest: Message) -> None:
        self.floor = oldest.position
        for channel in oldest.channels:
            kept = self._by_channel[channel]
            kept.popleft()
            if not kept:
                del self._by_channel[channel]
