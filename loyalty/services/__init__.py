"""What other apps use of loyalty. Rows are answered as frozen values, never as models."""

from loyalty.models import OperationState
from loyalty.services.figures import backlog
from loyalty.services.gates import is_remote, linked_of, pending_credits
from loyalty.services.operations import (
    ClosedDeduct,
    SpinCredit,
    SpinDeduct,
    closing_deducts,
    leaving_unknown,
    opening_deducts,
    postponing_deducts,
    queue_credits,
    queue_refunds,
)
from loyalty.services.own_data import own_data
from loyalty.services.recovery import close_deducts_by

__all__ = [
    "ClosedDeduct",
    "OperationState",
    "SpinCredit",
    "SpinDeduct",
    "backlog",
    "close_deducts_by",
    "closing_deducts",
    "is_remote",
    "leaving_unknown",
    "linked_of",
    "opening_deducts",
    "own_data",
    "pending_credits",
    "postponing_deducts",
    "queue_credits",
    "queue_refunds",
]
