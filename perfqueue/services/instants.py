"""Instant items by lists: what features decided is stored finished, with its steps; then their holds are settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import escrow.services
from core.batches import Statement
from core.db import array
from core.ids import new_id_texts
from live.services import Event
from perfqueue.models import Fulfilment, QueueItem, State, Step
from perfqueue.services import events
from perfqueue.services.intake import AWARDING_FEATURES

STORE = """
SELECT perfqueue_store_instants(
    p_at => %(at)s, p_feature => %(feature)s, p_title => %(title)s, p_currency => %(currency)s, p_from => %(from)s,
    p_to => %(to)s, p_transition => %(transitions)s, p_item => %(items)s, p_user => %(users)s,
    p_performer => %(performers)s, p_hold => %(holds)s, p_tokens => %(tokens)s, p_award => %(awards)s,
    p_key => %(keys)s, p_source => %(keys)s, p_request => %(requests)s)
"""


@dataclass(slots=True, kw_only=True)
class InstantItem:
    """What a player paid for and got at once: `tokens` of its hold go to the house, which pays `award` points.

    `key` names it in its feature; `performer_id` is the room it was bought in; `request_id` the request's.
    """

    id: UUID
    user_id: UUID
    performer_id: UUID | None
    hold_id: UUID
    tokens: int
    award: int
    key: str
    title: str
    request_id: str

    @property
    def state(self) -> str:
        return steps()[-1].target

    @property
    def turn(self) -> None:
        """It waits in no queue."""


@cache
def steps() -> tuple[Step, ...]:
    """The steps of every instant item, as its life cycle takes them; their times have no meaning."""
    item, at = QueueItem(tokens=1, fulfilment=Fulfilment.INSTANT), datetime.min.replace(tzinfo=UTC)
    item.steps.append(Step("", State.CREATED, at))
    item.start(now=at, deadline_at=None)
    item.finish(now=at, settle=item.tokens, refund=0)
    return tuple(item.steps)


@cache
def _event_keys() -> tuple[str, ...]:
    return tuple(f"queue.item.{step.target}" for step in steps())


def finish_instants(
    items: Sequence[InstantItem],
    holds: Sequence[escrow.services.Instant],
    *,
    feature: str,
    currency: escrow.services.Currency,
    at: datetime,
    clearing: escrow.services.House | None = None,
) -> list[Statement]:
    """Return the statements that store items of one feature, title and currency, finished `at`, and settle them.

    Each opens and settles the hold at the item's place, and pays its award. The caller has locked the wallets. Raises
    RuntimeError, a defect, if a hold is not its item's, or for an award that is not this feature's to send. `clearing`:
    the account that amounts come from and awards go to, where the wallets' balances are kept elsewhere.
    """
    for item, each in zip(items, holds, strict=True):
        hold = each.hold
        settled = (each.item_id, each.award, hold.hold_id, hold.payer_id, hold.amount, hold.currency, hold.feature)
        if settled != (item.id, item.award, item.hold_id, item.user_id, item.tokens, currency, feature):
            raise RuntimeError(f"The hold of item {item.id} is another one's.")
        if item.award and feature not in AWARDING_FEATURES:
            raise RuntimeError(f"{feature} awards nothing.")
    return [
        store_instants(items, feature=feature, currency=currency, at=at),
        escrow.services.settle_instants(_ledgers, holds, at=at, clearing=clearing),
    ]


def _ledgers(sql: str, params: list[Any]) -> Statement:
    return Statement(sql, params, through=escrow.services.guarded)


def store_instants(items: Sequence[InstantItem], *, feature: str, currency: str, at: datetime) -> Statement:
    """Return the statement that stores items of one feature, title and currency, finished `at`."""
    ((title,),) = {(item.title,) for item in items}
    params = {
        "at": at,
        "feature": feature,
        "title": title,
        "currency": currency,
        "from": array([step.source for step in steps()]),
        "to": array([step.target for step in steps()]),
        "transitions": array(new_id_texts(len(items) * len(steps()))),
        "items": array([item.id for item in items]),
        "users": array([item.user_id for item in items]),
        "performers": array([item.performer_id for item in items]),
        "holds": array([item.hold_id for item in items]),
        "tokens": array([item.tokens for item in items]),
        "awards": array([item.award for item in items]),
        "keys": array([item.key for item in items]),
        "requests": array([item.request_id for item in items]),
    }
    return Statement(STORE, params)


def events_of(item: InstantItem) -> list[Event]:
    """The events of an instant item's steps, in their order."""
    last = events.of_item(_event_keys()[-1], item)
    return [Event(key, last.variables, last.room_id, last.recipient_id) for key in _event_keys()]
