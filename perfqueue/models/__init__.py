"""The line's tables: lines, items and their steps; blocks; runs of many refunds."""

from perfqueue.models.desk import Block, RefundRow, RefundRun, RunStatus
from perfqueue.models.line import (
    MAX_ROPE_DROP_S,
    OPEN_STATES,
    AbandonPolicy,
    Cause,
    Fulfilment,
    PerformerQueue,
    Presence,
    QueueItem,
    State,
    Strike,
    Transition,
    columns_of,
)

__all__ = [
    "MAX_ROPE_DROP_S",
    "OPEN_STATES",
    "AbandonPolicy",
    "Block",
    "Cause",
    "Fulfilment",
    "PerformerQueue",
    "Presence",
    "QueueItem",
    "RefundRow",
    "RefundRun",
    "RunStatus",
    "State",
    "Strike",
    "Transition",
    "columns_of",
]
