"""A line and its requests as the pages draw them: frozen, so that a poll can tell whether anything changed."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import User
from menus import services as menus
from perfqueue import services as perfqueue

SOMEONE = "someone"
UNSAID_S = 30 * 60
WHY = {
    "STREAM_ENDED": "the stream ended",
    "ROPE_DROP_EXPIRED": "not started in time",
    "MAX_WAIT_PASSED": "not started in time",
    "DEADLINE_PASSED": "not finished in time",
    "LEFT": "you left",
}


@dataclass(frozen=True)
class Wait:
    """Between which two times a turn usually starts."""

    low_s: int
    high_s: int

    def __str__(self) -> str:
        low, high = self.low_s // 60, -(-self.high_s // 60)
        if high <= 1:
            return "about a minute"
        return f"{low}–{high} min" if low != high else f"{high} min"


@dataclass(frozen=True)
class Entry:
    """One request. `who` is the buyer's name for those who may see it, else "someone"."""

    id: UUID
    performer_id: UUID | None
    title: str
    state: str
    who: str
    mine: bool
    tokens: int
    position: int | None
    wait: Wait | None
    note: str
    duration_s: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    rope_drop_at: datetime | None
    rope_drop_left_ms: int | None
    max_wait_at: datetime | None
    deadline_at: datetime | None
    resolve_by: datetime | None
    settled: int
    refunded: int
    why: str

    @property
    def planned_s(self) -> int:
        return self.duration_s or UNSAID_S

    @property
    def ends_at(self) -> datetime | None:
        return self.started_at + timedelta(seconds=self.planned_s) if self.started_at else None

    @property
    def promised_by(self) -> datetime | None:
        return self.rope_drop_at or self.max_wait_at


@dataclass(frozen=True)
class Line:
    is_open: bool
    is_paused: bool
    depth: int
    max_depth: int
    rope_drop_s: int
    max_wait_s: int
    stage: Entry | None
    rows: tuple[Entry, ...]

    @property
    def is_full(self) -> bool:
        return self.depth >= self.max_depth

    @property
    def takes(self) -> bool:
        return self.is_open and not self.is_paused and not self.is_full

    @property
    def head(self) -> Entry | None:
        return self.rows[0] if self.rows else None

    @property
    def next_position(self) -> int:
        return self.depth + 1

    @property
    def held_tokens(self) -> int:
        return sum(entry.tokens for entry in (*self.rows, *([self.stage] if self.stage else [])))

    def mine(self) -> tuple[Entry, ...]:
        """The viewer's own, the one on stage first."""
        everyone = (*([self.stage] if self.stage else []), *self.rows)
        return tuple(entry for entry in everyone if entry.mine)


@dataclass(frozen=True)
class Summary:
    """What the lobby tells of a line."""

    is_open: bool = False
    is_paused: bool = False
    depth: int = 0
    max_depth: int = 0

    @property
    def is_full(self) -> bool:
        return self.depth >= self.max_depth


@dataclass(frozen=True)
class Told:
    """What only insiders are told: the buyers' names by id, their notes by item."""

    names: dict[UUID, str]
    notes: dict[UUID, str]


NOTHING = Told({}, {})


def line_of(performer_id: UUID, viewer: User | None) -> Line:
    """Read one line for one viewer, after time has had its say. Only the performer and staff see names and notes.

    Raises:
        NotFound: nobody's line.
    """
    perfqueue.expire_due(performer_id, wait=False)
    view = perfqueue.queue_view(performer_id, viewer=viewer)
    insider = viewer is not None and (viewer.pk == performer_id or viewer.is_backoffice)
    told = _told(view) if insider else NOTHING
    return Line(
        is_open=view.queue.is_open,
        is_paused=view.queue.is_paused,
        depth=len(view.items),
        max_depth=view.queue.depth,
        rope_drop_s=view.queue.rope_drop_s,
        max_wait_s=view.queue.max_wait_s,
        stage=entry_of(view.started, told) if view.started else None,
        rows=tuple(entry_of(one, told) for one in view.items),
    )


def names_of(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """One statement."""
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "username")) if user_ids else {}


def entry_of(view: perfqueue.ItemView, told: Told = NOTHING) -> Entry:
    item = view.item
    return Entry(
        id=item.pk,
        performer_id=item.performer_id,
        title=item.title,
        state=item.state,
        who="you" if view.mine else told.names.get(item.user_id, SOMEONE),
        mine=view.mine,
        tokens=item.tokens,
        position=view.position,
        wait=Wait(view.wait.low_s, view.wait.high_s) if view.wait and view.wait.high_s else None,
        note=told.notes.get(item.pk, ""),
        duration_s=item.duration_s,
        created_at=item.created_at,
        started_at=item.started_at,
        ended_at=item.ended_at,
        rope_drop_at=item.rope_drop_at,
        rope_drop_left_ms=item.rope_drop_left_ms,
        max_wait_at=item.max_wait_at,
        deadline_at=item.deadline_at,
        resolve_by=item.resolve_by,
        settled=item.settle_tokens or 0,
        refunded=item.refund_tokens or 0,
        why=WHY.get(item.reason, item.reason),
    )


def _everybody(view: perfqueue.QueueView) -> list[perfqueue.ItemView]:
    return [*([view.started] if view.started else []), *view.items]


def _told(view: perfqueue.QueueView) -> Told:
    items = [one.item for one in _everybody(view)]
    if not items:
        return NOTHING
    return Told(names_of({item.user_id for item in items}), menus.notes_of([item.pk for item in items]))


def digest(*shown: object) -> str:
    """A short name for what a page shows; equal pages have equal names."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
