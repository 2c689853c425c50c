"""The line's tables: lines, items and their steps; blocks."""

from perfqueue.models.blocks import Block
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
    "State",
    "Strike",
    "Transition",
    "columns_of",
]
