"""The line's commands and reads. Features call `line` and `intake`; doors call the commands, after `expire_due`."""

from perfqueue.models import (
    OPEN_STATES,
    AbandonPolicy,
    Block,
    Deed,
    Fulfilment,
    PerformerQueue,
    Presence,
    QueueItem,
    Run,
    RunItem,
    State,
    Strike,
    Transition,
)
from perfqueue.services.blocks import block, blocks_of, unblock
from perfqueue.services.boards import lengths
from perfqueue.services.bulk import MOST, Refunded, refund_many
from perfqueue.services.choosing import Choice, Foreseen, chosen, foresee, is_older_than, is_overdue, open_items
from perfqueue.services.commands import abandon, finish, leave, refund, resolve, start
from perfqueue.services.control import (
    BOUNDS,
    close_queue,
    configure,
    make_queues,
    open_queue,
    pause_queue,
    resume_queue,
    settings_of,
    withdraw,
)
from perfqueue.services.due import due_among, due_in
from perfqueue.services.expiry import expire_due, expire_lines_of
from perfqueue.services.handing import hand_in
from perfqueue.services.holds import HoldWish, admitted, hold_for, open_hold
from perfqueue.services.intake import intake, intake_many
from perfqueue.services.line import Line, line, performer_of
from perfqueue.services.payload import Intake, Placed
from perfqueue.services.presence import hear
from perfqueue.services.reads import (
    ItemView,
    QueueView,
    Wait,
    all_items,
    item_for,
    item_views,
    items_of,
    last_performances,
    performers,
    queue_view,
)
from perfqueue.services.runs import MOST_IN_RUN, Progress, open_run, progress, results, run_of, work_runs
from perfqueue.services.sweeping import sweep, sweeper_age_s
from perfqueue.services.verification import verify

__all__ = [
    "BOUNDS",
    "MOST",
    "MOST_IN_RUN",
    "OPEN_STATES",
    "AbandonPolicy",
    "Block",
    "Choice",
    "Deed",
    "Foreseen",
    "Fulfilment",
    "HoldWish",
    "Intake",
    "ItemView",
    "Line",
    "PerformerQueue",
    "Placed",
    "Presence",
    "Progress",
    "QueueItem",
    "QueueView",
    "Refunded",
    "Run",
    "RunItem",
    "State",
    "Strike",
    "Transition",
    "Wait",
    "abandon",
    "admitted",
    "all_items",
    "block",
    "blocks_of",
    "chosen",
    "close_queue",
    "configure",
    "due_among",
    "due_in",
    "expire_due",
    "expire_lines_of",
    "finish",
    "foresee",
    "hand_in",
    "hear",
    "hold_for",
    "intake",
    "intake_many",
    "is_older_than",
    "is_overdue",
    "item_for",
    "item_views",
    "items_of",
    "last_performances",
    "leave",
    "lengths",
    "line",
    "make_queues",
    "open_hold",
    "open_items",
    "open_queue",
    "open_run",
    "pause_queue",
    "performer_of",
    "performers",
    "progress",
    "queue_view",
    "refund",
    "refund_many",
    "resolve",
    "results",
    "resume_queue",
    "run_of",
    "settings_of",
    "start",
    "sweep",
    "sweeper_age_s",
    "unblock",
    "verify",
    "withdraw",
    "work_runs",
]
