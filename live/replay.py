"""What clients missed: the events of their channels since the id that they name, from the database.

All that ask while a statement runs share the next one, and one reading of a channel serves all of its streams.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from live.feed import Channel, FramedEvent, Position
from live.hub import Limits, Stream
from live.outbox import COLUMNS, MAX_EVENT_AGE, Outbox, row_of

MAX_CHANNELS = 16
HEAD_COLUMNS = 4
MISSED = f"""
WITH s AS MATERIALIZED (
    SELECT pg_snapshot_xmax(pg_current_snapshot()) AS next, o.xid, o.id
      FROM (SELECT) AS one
      LEFT JOIN (SELECT * FROM live_event ORDER BY xid, id LIMIT 1) AS o ON o.at < core_now() - %(kept)s
)
SELECT s.next::text::bigint, s.xid::text::bigint, s.id, e.place, {COLUMNS}
  FROM s
  LEFT JOIN LATERAL (
    SELECT c.place, n.*
      FROM unnest(%(rooms)s::uuid[], %(people)s::uuid[], %(xids)s::text[]::xid8[], %(ids)s::bigint[])
           WITH ORDINALITY AS c (room, person, last_xid, last_id, place)
     CROSS JOIN LATERAL (
        SELECT k.*, max(k.at) FILTER (WHERE (k.xid, k.id) <= (c.last_xid, c.last_id)) OVER () AS last_at
          FROM (
            (SELECT * FROM live_event
              WHERE room IS NOT NULL AND (room, xid, id) <= (c.room, %(xid)s::xid8, %(id)s::bigint)
                AND (room, xid, id) > (c.room, '0'::xid8, 0)  -- not `=`: only the index of rooms has this order
              ORDER BY room DESC, xid DESC, id DESC LIMIT %(most)s)
            UNION ALL
            (SELECT * FROM live_event
              WHERE recipient IS NOT NULL AND (recipient, xid, id) <= (c.person, %(xid)s::xid8, %(id)s::bigint)
                AND (recipient, xid, id) > (c.person, '0'::xid8, 0)
              ORDER BY recipient DESC, xid DESC, id DESC LIMIT %(most)s)
          ) AS k
     ) AS n
     WHERE (n.xid, n.id) > (c.last_xid, c.last_id) OR n.last_at IS NULL OR n.at >= n.last_at - %(again)s
  ) AS e ON true
 ORDER BY e.xid, e.id
"""  # noqa: S608  composed of the constants above


@dataclass(frozen=True)
class Missed:
    """One reading of several channels."""

    next: int  # the first transaction id not yet given out
    floor: Position  # everything after it is kept
    events: Mapping[Channel, Sequence[FramedEvent]]


@dataclass(eq=False)
class Gathering:
    """The channels of the next statement, each with the earliest id that one of its clients names."""

    lasts: dict[Channel, Position] = field(default_factory=dict)
    upto: Position = (0, 0)
    task: asyncio.Task[Missed] | None = None

    def takes(self, channel: Channel) -> bool:
        return channel in self.lasts or len(self.lasts) < MAX_CHANNELS

    def add(self, channel: Channel, last: Position, upto: Position) -> None:
        self.lasts[channel] = min(last, self.lasts.get(channel, last))
        self.upto = max(upto, self.upto)


class Replays:
    """Resumes streams. `texts` returns the templates in force."""

    def __init__(self, outbox: Outbox, limits: Limits, texts: Callable[[], Mapping[str, str]]) -> None:
        self._outbox = outbox
        self._limits = limits
        self._texts = texts
        self._next = Gathering()
        self._one_at_a_time = asyncio.Lock()

    async def resume(self, stream: Stream, last: Position) -> None:
        """Buffer what the client missed after `last`, and what was written from `again_s` before.

        So an event may come again, and none is missing that came late or that another process has not read. If `last`
        is older than what is kept, or from a database without such a transaction, or too much was missed, the stream
        is incomplete: the client must read the state again.
        """
        start = stream.after
        missed = await self._read(stream.channel, last, start)
        if last[0] > missed.next:  # not an id of this database: it was restored from a backup
            stream.resume(start, (), complete=False)
            return
        events = self._since(last, [event for event in missed.events[stream.channel] if event.position <= start])
        complete = last >= missed.floor and len(events) <= self._limits.replayed
        events = events[-self._limits.replayed :]
        if complete:
            stream.resume(last if events else max(last, start), events, complete=True)
        else:
            after = (events[0].position[0], events[0].position[1] - 1) if events else start
            stream.resume(after, events, complete=False)

    def _since(self, last: Position, known: Sequence[FramedEvent]) -> list[FramedEvent]:
        """The events after `last`, and those written from `again_s` before the last of its channel on."""
        told: list[datetime] = [event.row.at for event in known if event.position <= last]
        since = max(told) - timedelta(seconds=self._limits.again_s) if told else None
        return [event for event in known if event.position > last or since is None or event.row.at >= since]

    async def _read(self, channel: Channel, last: Position, upto: Position) -> Missed:
        """Have the channel read by the next statement."""
        if not self._next.takes(channel):
            self._next = Gathering()
        gathering = self._next
        gathering.add(channel, last, upto)
        if gathering.task is None:
            gathering.task = asyncio.create_task(self._read_gathered(gathering))
        return await asyncio.shield(gathering.task)  # a client that leaves ends it for nobody else

    async def _read_gathered(self, gathering: Gathering) -> Missed:
        async with self._one_at_a_time:
            if self._next is gathering:
                self._next = Gathering()
            found = await self._outbox.rows(MISSED, self._params(gathering))
        following, xid, number, _ = found[0][:HEAD_COLUMNS]
        events: dict[Channel, list[FramedEvent]] = {channel: [] for channel in gathering.lasts}
        channels = list(gathering.lasts)
        for record in found:
            place = record[HEAD_COLUMNS - 1]
            if place is not None:
                event, channel = FramedEvent(row_of(record[HEAD_COLUMNS:]), self._texts()), channels[place - 1]
                if channel in event.channels:
                    events[channel].append(event)
        return Missed(following, (0, 0) if xid is None else (xid, number), events)

    def _params(self, gathering: Gathering) -> dict[str, Any]:
        return {
            "rooms": [each.id if each.kind == "room" else None for each in gathering.lasts],
            "people": [each.id if each.kind == "person" else None for each in gathering.lasts],
            "xids": [str(xid) for xid, _ in gathering.lasts.values()],
            "ids": [number for _, number in gathering.lasts.values()],
            "xid": str(gathering.upto[0]),
            "id": gathering.upto[1],
            "most": self._limits.replayed + 1,
            "again": timedelta(seconds=self._limits.again_s),
            "kept": MAX_EVENT_AGE,
        }
