"""Reconciliation: deducts that nobody has closed in time are asked for again, with their key, and closed.

Who spends points closes them, since a spin's intent, its deduct and the refund of what happened in vain are one
transaction. Whatever stops a round in between, the next one finds the operation still waiting.
"""

from typing import Protocol
from uuid import UUID

import structlog

from core.db import command, rows
from core.errors import DomainError
from loyalty.client import Applied
from loyalty.errors import KEY_MISMATCH, LoyaltyUnavailable, OutcomeUnknown, RemoteInsufficient, RemoteUnknownUser
from loyalty.models import OperationState
from loyalty.services.asking import Due, Result, Taken, ask, claim, know

ROUNDS = 100
"""At most as many in one run, while beat starts one every ten seconds."""
log = structlog.get_logger()

CLOSE = """
UPDATE loyalty_remoteoperation SET state = %(state)s, error = %(error)s, closed_at = core_now()
 WHERE id = %(id)s AND state IN ('open', 'unknown') RETURNING true
"""
KEEP = """
UPDATE loyalty_remoteoperation
   SET state = CASE WHEN %(sent)s THEN 'unknown' ELSE state END, error = %(error)s, due_at = core_now()
 WHERE id = %(id)s AND state IN ('open', 'unknown') RETURNING true
"""


class Resolve(Protocol):
    """Closes a spin's intent with its deduct, in a transaction of its own.

    `taken`: points that were taken, and go back unless the spin was stored; with 0 the intent is refused for `error`.
    Returns False if the intent was closed before.
    """

    def __call__(self, *, spin_id: UUID, taken: int, error: str = "") -> bool: ...


_resolvers: list[Resolve] = []


def close_deducts_by(resolve: Resolve) -> None:
    """Name what closes deducts that reconciliation has asked for again; called by the feature when it is set up."""
    _resolvers[:] = [resolve]


def reconcile() -> int:
    """Ask for every deduct that is due, and close those that have an answer; return how many were closed.

    The others stay, `unknown` once they were sent, for the next round.
    """
    closed = 0
    for _ in range(ROUNDS):
        due = claim(deducts=True)
        if not due:
            break
        answered = [_tried(each, result) for each, result in zip(due, ask(due), strict=True)]
        closed += sum(answered)
        if not all(answered):
            break  # RedRoomRewards is away, or not well: what is left waits for the next round
    return closed


def _tried(due: Due, result: Result) -> bool:
    """Conclude one deduct; a refusal, such as a lock that was not granted, does not stop the others."""
    try:
        return _concluded(due, result)
    except DomainError as refusal:
        log.warning("loyalty_deduct_not_closed", key=due.key, code=refusal.code)
        return False


def _concluded(due: Due, result: Result) -> bool:
    """Close a deduct by its result, or leave it waiting. Whether it is closed now."""
    match result:
        case Applied():
            know([(due.user_id, result.new_balance, due.asked_at)])
            return _resolved(due, taken=due.amount, error="NOT_SETTLED")
        case RemoteInsufficient() | RemoteUnknownUser():
            return _resolved(due, taken=0, error=result.code)
        case Taken():  # another request holds its key: what that took goes back, the nightly comparison lists it
            log.error("loyalty_deduct_looked_up", key=due.key, asked=due.amount, taken=result.points)
            return _resolved(due, taken=result.points, error=KEY_MISMATCH)
        case OutcomeUnknown():
            _kept(due, str(result), sent=True)
        case LoyaltyUnavailable():
            _kept(due, result.code, sent=False)
        case _:  # a refusal that does not say whether an earlier request was carried out; after a key mismatch, see ask
            _kept(due, result.code, sent=True)
    return False


def _resolved(due: Due, *, taken: int, error: str) -> bool:
    """Let the feature close it. What its intent does not know any more is closed here: the points go back, or were
    never taken."""
    if not _resolvers:
        raise RuntimeError("No feature has named what closes its deducts.")
    if not _resolvers[0](spin_id=UUID(due.source), taken=taken, error=error):
        _closed(due, OperationState.COMPENSATED if taken else OperationState.REFUSED, error)
    return True


def _closed(due: Due, state: OperationState, error: str) -> bool:
    params = {"id": due.id, "state": state.value, "error": error}
    return bool(command(lambda: rows(CLOSE, params)))


def _kept(due: Due, error: str, *, sent: bool) -> None:
    params = {"id": due.id, "error": error, "sent": sent}
    command(lambda: rows(KEEP, params))
