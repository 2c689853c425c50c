"""The queue's tables: queues, items and their transitions; strikes and blocks; runs of staff over many items."""

from perfqueue.models.blocks import Block
from perfqueue.models.queue import (
    DEADLINES,
    MAX_ROPE_DROP_S,
    OPEN_STATES,
    AbandonPolicy,
    Cause,
    Fulfilment,
    PerformerQueue,
    Presence,
    QueueItem,
    State,
    Step,
    Strike,
    Transition,
    columns_of,
)
from perfqueue.models.runs import Run, RunAction, RunItem
