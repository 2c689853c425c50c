"""New performed items: how one joins a locked queue in memory, and the statement that stores a list of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.batches import Statement
from core.db import array
from core.ids import new_id, new_id_texts
from live.services import Event
from perfqueue.models import Fulfilment, State
from perfqueue.models.queue import DEFAULT_DURATION_S
from perfqueue.services import events
from perfqueue.services.facts import ItemFacts
from perfqueue.services.lines import Place
from perfqueue.services.payloads import Intake
from perfqueue.services.queues import due_notice

CREATED = f"queue.item.{State.CREATED.value}"
STORE = """
SELECT perfqueue_join(
    p_at => %(at)s, p_transition => %(transition)s, p_item => %(item)s, p_user => %(user)s,
    p_performer => %(performer)s, p_hold => %(hold)s, p_tokens => %(tokens)s, p_currency => %(currency)s,
    p_title => %(title)s, p_description => %(description)s, p_duration_s => %(duration_s)s, p_feature => %(feature)s,
    p_key => %(key)s, p_source => %(source)s, p_metadata => %(metadata)s, p_fee_bps => %(fee_bps)s, p_turn => %(turn)s,
    p_rope_drop_at => %(rope_drop_at)s, p_max_wait_at => %(max_wait_at)s, p_third => %(third)s, p_next => %(next)s,
    p_actor => %(actor)s, p_request => %(request)s)
"""


@dataclass(slots=True, kw_only=True)
class JoinedItem:
    """A created item that is not stored yet. `actor_id` and `request_id` are those of its first step."""

    id: UUID
    payload: Intake
    performer_id: UUID
    fee_bps: int
    turn: int
    created_at: datetime
    max_wait_at: datetime
    actor_id: UUID | None
    request_id: str
    rope_drop_at: datetime | None = None
    next_noticed: bool = False
    third_noticed: bool = False

    @property
    def user_id(self) -> UUID:
        return self.payload.user_id

    @property
    def title(self) -> str:
        return self.payload.title

    @property
    def state(self) -> str:
        return State.CREATED.value

    @property
    def facts(self) -> ItemFacts:
        payload = self.payload
        return ItemFacts(
            id=self.id,
            performer_id=self.performer_id,
            user_id=payload.user_id,
            hold_id=payload.hold_id,
            tokens=payload.tokens,
            currency=payload.currency,
            title=payload.title,
            duration_s=payload.duration_s,
            planned_s=payload.duration_s or DEFAULT_DURATION_S,
            fulfilment=Fulfilment.PERFORMED.value,
            source_feature=payload.source_feature,
            state=self.state,
            created_at=self.created_at,
            started_at=None,
            ended_at=None,
            rope_drop_at=self.rope_drop_at,
            rope_drop_left_ms=None,
            max_wait_at=self.max_wait_at,
            deadline_at=None,
            resolve_by=None,
            settle_tokens=None,
            refund_tokens=None,
            cause="",
            shown_reason="",
        )


def joined(
    payload: Intake, place: Place, *, actor_id: UUID | None, request_id: str
) -> tuple[JoinedItem, int, Event | None]:
    """Let a performed item join its queue in memory; return it with its position and the notice now due.

    Raises:
        NotFound (the performer is deactivated), QueueClosed, QueuePaused, QueueFull, UserQueueLimit, Forbidden.
    """
    place.assert_room()
    line = place.line
    item = JoinedItem(
        id=new_id(),
        payload=payload,
        performer_id=line.performer_id,
        fee_bps=line.fee_bps,
        turn=line.next_turn,
        created_at=line.now,
        max_wait_at=line.now + timedelta(seconds=line.max_wait_s),
        actor_id=actor_id,
        request_id=request_id,
    )
    position = line.waiting + 1
    if position == 1 and line.rope_drop_runs:
        item.rope_drop_at = line.now + timedelta(seconds=line.rope_drop_s)
    line.next_turn += 1
    line.waiting += 1
    return item, position, due_notice(item, position)


def created_event(item: JoinedItem) -> Event:
    return events.of_item(CREATED, item)


def store_joined(items: Sequence[JoinedItem]) -> Statement:
    """Return the statement that stores items with their first steps, and the next turns of their queues."""
    payloads = [item.payload for item in items]
    params = {
        "at": items[0].created_at,
        "transition": array(new_id_texts(len(items))),
        "item": array([item.id for item in items]),
        "user": array([payload.user_id for payload in payloads]),
        "performer": array([item.performer_id for item in items]),
        "hold": array([payload.hold_id for payload in payloads]),
        "tokens": array([payload.tokens for payload in payloads]),
        "currency": array([payload.currency for payload in payloads]),
        "title": array([payload.title for payload in payloads]),
        "description": array([payload.description for payload in payloads]),
        "duration_s": array([payload.duration_s for payload in payloads]),
        "feature": array([payload.source_feature for payload in payloads]),
        "key": array([payload.idempotency_key for payload in payloads]),
        "source": array([payload.source_event_id for payload in payloads]),
        "metadata": array([json.dumps(dict(payload.metadata)) for payload in payloads]),
        "fee_bps": array([item.fee_bps for item in items]),
        "turn": array([item.turn for item in items]),
        "rope_drop_at": array([item.rope_drop_at for item in items]),
        "max_wait_at": array([item.max_wait_at for item in items]),
        "third": array([item.third_noticed for item in items]),
        "next": array([item.next_noticed for item in items]),
        "actor": array([item.actor_id for item in items]),
        "request": array([item.request_id for item in items]),
    }
    return Statement(STORE, params)
