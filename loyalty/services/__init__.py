"""What other apps use of loyalty. Rows are answered as frozen values, never as models."""

from loyalty.models import OperationKind, OperationState
from loyalty.services.balances import PointsView, known_points, points_now
from loyalty.services.breakers import refusing_processes, watch_breaker
from loyalty.services.events import receive_event
from loyalty.services.figures import backlog
from loyalty.services.gates import is_remote, linked_of, pending_credits
from loyalty.services.linking import (
    SHOWN_CODE,
    IntentView,
    Proof,
    confirm_link,
    link_of,
    open_intent_of,
    start_link,
)
from loyalty.services.modes import assert_remote
from loyalty.services.moves import Move, moves_of
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
from loyalty.services.overview import READERS
from loyalty.services.own_data import erase_person, open_operations_of, own_data
from loyalty.services.recovery import close_deducts_by
from loyalty.services.signatures import assert_signed
from loyalty.services.wallets import wallets_now

__all__ = [
    "READERS",
    "SHOWN_CODE",
    "ClosedDeduct",
    "IntentView",
    "Move",
    "OperationKind",
    "OperationState",
    "PointsView",
    "Proof",
    "SpinCredit",
    "SpinDeduct",
    "assert_remote",
    "assert_signed",
    "backlog",
    "close_deducts_by",
    "closing_deducts",
    "confirm_link",
    "erase_person",
    "is_remote",
    "known_points",
    "leaving_unknown",
    "link_of",
    "linked_of",
    "moves_of",
    "open_intent_of",
    "open_operations_of",
    "opening_deducts",
    "own_data",
    "pending_credits",
    "points_now",
    "postponing_deducts",
    "queue_credits",
    "queue_refunds",
    "receive_event",
    "refusing_processes",
    "start_link",
    "wallets_now",
    "watch_breaker",
]
