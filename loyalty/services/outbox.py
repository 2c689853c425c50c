"""The outbox: credits, refunds and earnings are sent until RedRoomRewards confirms them, at least once each.

A round claims what is due, asks with no transaction open, and records. Rounds may run side by side: a claimed operation
is another round's only when its claim is over, and the same key has one effect over there.
"""

from collections.abc import Sequence

import structlog

from core.db import array, command, rows
from loyalty.client import Applied
from loyalty.errors import OutcomeUnknown, RemoteInsufficient, RemoteRefusal
from loyalty.models import OperationKind, OperationState
from loyalty.services.asking import Due, Result, Taken, ask, claim, know

LONGEST_PAUSE_S = 3_600
ROUNDS = 100
"""At most as many in one run, while beat starts one every second."""
log = structlog.get_logger()

RECORD = """
UPDATE loyalty_remoteoperation o
   SET state = coalesce(n.state, o.state), error = n.error, new_balance = n.new_balance,
       due_at = core_now() + make_interval(secs => greatest(n.after_s, least(%(longest_s)s, 2 ^ (o.attempts - 1)))),
       closed_at = CASE WHEN n.state IN ('confirmed', 'refused', 'dead') THEN core_now() END
  FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(errors)s::text[], %(balances)s::bigint[], %(afters)s::float8[])
       AS n (id, state, error, new_balance, after_s)
 WHERE o.id = n.id AND o.state IN ('open', 'unknown')
RETURNING o.key, o.kind, o.state, o.error
"""
"""`after_s`: a Retry-After. A pause doubles from a second up to an hour."""


def deliver_due() -> int:
    """Send what is due until nothing is; return how many operations were confirmed. Nothing is sent twice at a time."""
    delivered = 0
    for _ in range(ROUNDS):
        due = claim(deducts=False)
        if not due:
            break
        delivered += _recorded(due, ask(due))
    return delivered


def _recorded(due: Sequence[Due], results: Sequence[Result]) -> int:
    """Record results, one statement; return how many were confirmed. Dead ones are logged as errors."""
    endings = [_ending(each, result) for each, result in zip(due, results, strict=True)]
    params = {
        "longest_s": LONGEST_PAUSE_S,
        "ids": array([each.id for each in due]),
        "states": array([state and state.value for state, _, _ in endings]),
        "errors": array([error for _, error, _ in endings]),
        "balances": array([each.new_balance if isinstance(each, Applied) else None for each in results]),
        "afters": array([after_s for _, _, after_s in endings]),
    }
    changed = command(lambda: rows(RECORD, params))
    for row in changed:
        if row["state"] == OperationState.DEAD:
            log.error("loyalty_operation_dead", key=row["key"], kind=row["kind"], fault=row["error"])
    pairs = zip(due, results, strict=True)
    know([(each.user_id, found.new_balance, each.asked_at) for each, found in pairs if isinstance(found, Applied)])
    return sum(row["state"] == OperationState.CONFIRMED for row in changed)


def _ending(due: Due, result: Result) -> tuple[OperationState | None, str, float]:
    """The state after a result (None: as it was), its fault, and the seconds that RedRoomRewards asked to wait."""
    match result:
        case Applied():
            return OperationState.CONFIRMED, "", 0.0
        case RemoteInsufficient() if due.kind == OperationKind.EARN_REVERSAL:
            return OperationState.REFUSED, result.code, 0.0
        case RemoteRefusal():  # asking again is no use: staff look at it
            return OperationState.DEAD, result.code, 0.0
        case OutcomeUnknown():
            return OperationState.DEAD if due.is_last else OperationState.UNKNOWN, str(result), 0.0
        case Taken():
            raise AssertionError("only deducts are looked up")
    return OperationState.DEAD if due.is_last else None, result.code, result.retry_after_s or 0.0
