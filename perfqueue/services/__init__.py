"""What other apps and perfqueue's own endpoints may call.

Features call `Joining`, or `finish_instants` for instant items; endpoints and pages pass a `Gate`, then call a command
or read a view.
Items and queues are answered to other apps as frozen values (`facts`, `views`), never as models.
"""

from perfqueue.models import OPEN_STATES, AbandonPolicy, Fulfilment, Presence, RunAction, State
from perfqueue.services.bulk import (
    MAX_BULK_ITEMS,
    ItemFilter,
    ItemResult,
    filtered_items,
    is_older_than,
    open_items,
    preview,
    refund_many,
)
from perfqueue.services.commands import abandon, finish, leave, refund, resolve, start
from perfqueue.services.control import (
    BOUNDS,
    block,
    blocks_of,
    close_queue,
    configure,
    make_queues,
    open_queue,
    pause_queue,
    resume_queue,
    settings_of,
    unblock,
)
from perfqueue.services.deactivation import deactivate
from perfqueue.services.expiry import Gate, expire_due, is_overdue
from perfqueue.services.facts import ItemFacts, QueueFacts
from perfqueue.services.instants import InstantItem, events_of, finish_instants
from perfqueue.services.joining import Joining
from perfqueue.services.lines import Asked
from perfqueue.services.own_data import own_data
from perfqueue.services.payloads import Intake, IntakeResult
from perfqueue.services.presence import record_heartbeat
from perfqueue.services.queues import performer_of
from perfqueue.services.revisions import due_at, look
from perfqueue.services.runs import MAX_RUN_ITEMS, WORK_TASK, Progress, open_run, progress, results, run_of, work_runs
from perfqueue.services.service_accounts import PAYEES, ServiceHoldRequest, hold_for, open_hold, submit
from perfqueue.services.sweeper import sweep, sweeper_age_s
from perfqueue.services.verification import verify
from perfqueue.services.views import (
    ItemView,
    QueueView,
    all_items,
    backlog,
    item_for,
    item_view,
    item_views,
    items_of,
    last_ended,
    last_performances,
    performed_items,
    performers,
    queue_lengths,
    queue_view,
    utilisation,
)

__all__ = [
    "BOUNDS",
    "MAX_BULK_ITEMS",
    "MAX_RUN_ITEMS",
    "OPEN_STATES",
    "PAYEES",
    "WORK_TASK",
    "AbandonPolicy",
    "Asked",
    "Fulfilment",
    "Gate",
    "InstantItem",
    "Intake",
    "IntakeResult",
    "ItemFacts",
    "ItemFilter",
    "ItemResult",
    "ItemView",
    "Joining",
    "Presence",
    "Progress",
    "QueueFacts",
    "QueueView",
    "RunAction",
    "ServiceHoldRequest",
    "State",
    "abandon",
    "all_items",
    "backlog",
    "block",
    "blocks_of",
    "close_queue",
    "configure",
    "deactivate",
    "due_at",
    "events_of",
    "expire_due",
    "filtered_items",
    "finish",
    "finish_instants",
    "hold_for",
    "is_older_than",
    "is_overdue",
    "item_for",
    "item_view",
    "item_views",
    "items_of",
    "last_ended",
    "last_performances",
    "leave",
    "look",
    "make_queues",
    "open_hold",
    "open_items",
    "open_queue",
    "open_run",
    "own_data",
    "pause_queue",
    "performed_items",
    "performer_of",
    "performers",
    "preview",
    "progress",
    "queue_lengths",
    "queue_view",
    "record_heartbeat",
    "refund",
    "refund_many",
    "resolve",
    "results",
    "resume_queue",
    "run_of",
    "settings_of",
    "start",
    "submit",
    "sweep",
    "sweeper_age_s",
    "unblock",
    "utilisation",
    "verify",
    "work_runs",
]
