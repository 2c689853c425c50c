"""The line's tables: lines, items and their steps; blocks; runs of staff over many items."""

from perfqueue.models.blocks import Block
from perfqueue.models.queue import (
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
from perfqueue.models.runs import Run, RunAction, RunItem

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
    "Run",
    "RunAction",
    "RunItem",
    "State",
    "Strike",
    "Transition",
    "columns_of",
]
