"""Operations over there, as statements over lists that a caller's transaction runs (`core.batches.Statement`).

None locks for the caller: a deduct is written and closed under the locks of its spin (slot state, intent).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from core.batches import Statement
from core.db import array
from core.ids import new_id_texts
from loyalty.client.values import Change, Credit, CreditReason, Deduct
from loyalty.models import OperationKind, OperationState

MARGIN_S = 2.0
"""How much longer than its time-out a deduct may take before reconciliation asks for it."""

INSERT = """
INSERT INTO loyalty_remoteoperation (id, user_id, kind, amount, key, source, body, state, due_at, request_id)
SELECT n.id, n.user_id, n.kind, n.amount, n.key, n.source, n.body::jsonb, 'open',
       core_now() + make_interval(secs => %(after_s)s), n.request_id
  FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(kinds)s::text[], %(amounts)s::bigint[], %(keys)s::text[],
              %(sources)s::text[], %(bodies)s::text[], %(request_ids)s::text[])
       AS n (id, user_id, kind, amount, key, source, body, request_id)
 ORDER BY n.key
"""
INSERT_NEW = INSERT + " ON CONFLICT (key) DO NOTHING"
CLOSE = """
UPDATE loyalty_remoteoperation o
   SET state = n.state, new_balance = n.new_balance, error = n.error, attempts = o.attempts + 1,
       asked_at = coalesce(o.asked_at, core_now()), closed_at = core_now()
  FROM unnest(%(keys)s::text[], %(states)s::text[], %(balances)s::bigint[], %(errors)s::text[])
       AS n (key, state, new_balance, error)
 WHERE o.key = n.key AND o.state IN ('open', 'unknown')
"""
LEAVE_UNKNOWN = """
UPDATE loyalty_remoteoperation o
   SET state = 'unknown', error = n.error, attempts = o.attempts + 1, asked_at = core_now(), due_at = core_now()
  FROM unnest(%(keys)s::text[], %(errors)s::text[]) AS n (key, error)
 WHERE o.key = n.key AND o.state IN ('open', 'unknown')
"""
POSTPONE = """
UPDATE loyalty_remoteoperation o SET due_at = core_now() + make_interval(secs => %(after_s)s)
 WHERE o.key = ANY (%(keys)s::text[]) AND o.state IN ('open', 'unknown')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOperation:
    """An operation to be written: its change, of which kind, for what (`source`), in which request."""

    kind: OperationKind
    change: Change
    source: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinDeduct:
    """A spin's bet, in points."""

    spin_id: UUID
    user_id: UUID
    amount: int
    request_id: str

    @property
    def change(self) -> Deduct:
        """What the client is asked for; the same for each try."""
        return Deduct(user_id=self.user_id, amount=self.amount, transaction_id=deduct_key(self.spin_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinCredit:
    """A spin's award, in points; `multiplier` as the spin's answer has it."""

    spin_id: UUID
    user_id: UUID
    amount: int
    symbols: Sequence[str]
    multiplier: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDeduct:
    """How a spin's deduct ended. `new_balance`: with `confirmed` only; `error`: a code, empty with `confirmed`."""

    spin_id: UUID
    state: OperationState
    new_balance: int | None = None
    error: str = ""


def deduct_key(spin_id: UUID) -> str:
    """The key of a spin's deduct."""
    return f"spin-{spin_id}-deduct"


def credit_key(spin_id: UUID) -> str:
    """The key of a spin's award."""
    return f"spin-{spin_id}-credit"


def opening_deducts(deducts: Sequence[SpinDeduct]) -> Statement:
    """Return the statement that writes deducts before they are asked for, with the spins' intents.

    Reconciliation takes over what is still open `RRR_TOTAL_TIMEOUT_S` and a margin later.
    """
    made = [
        NewOperation(
            kind=OperationKind.DEDUCT, change=each.change, source=str(each.spin_id), request_id=each.request_id
        )
        for each in deducts
    ]
    return Statement(INSERT, _new(made, after_s=patience_s()), rows=len(made))


def closing_deducts(closed: Sequence[ClosedDeduct]) -> Statement:
    """Return the statement that confirms or refuses deducts; it fails unless all of them were waiting.

    Whoever runs it holds the lock of each spin's intent and has found it open.
    """
    params = {
        "keys": array([deduct_key(each.spin_id) for each in closed]),
        "states": array([each.state.value for each in closed]),
        "balances": array([each.new_balance for each in closed]),
        "errors": array([each.error for each in closed]),
    }
    return Statement(CLOSE, params, rows=len(closed))


def leaving_unknown(faults: Sequence[tuple[UUID, str]]) -> Statement:
    """Return the statement that marks deducts as unknown, each with its fault; reconciliation asks for them next.

    What was closed meanwhile stays closed.
    """
    params = {
        "keys": array([deduct_key(spin_id) for spin_id, _ in faults]),
        "errors": array([fault for _, fault in faults]),
    }
    return Statement(LEAVE_UNKNOWN, params)


def postponing_deducts(spin_ids: Sequence[UUID]) -> Statement:
    """Return the statement that gives waiting deducts their time again, when their requests are resumed."""
    keys = array([deduct_key(spin_id) for spin_id in spin_ids])
    return Statement(POSTPONE, {"keys": keys, "after_s": patience_s()})


def queue_credits(credits: Sequence[SpinCredit]) -> Statement:
    """Return the statement that queues spins' awards for the outbox; one that is queued already makes it fail."""
    made = [
        NewOperation(
            kind=OperationKind.CREDIT,
            change=Credit(
                user_id=each.user_id,
                amount=each.amount,
                transaction_id=credit_key(each.spin_id),
                reason=CreditReason.WIN,
                metadata={
                    "spinId": str(each.spin_id),
                    "symbols": list(each.symbols),
                    "multiplier": each.multiplier,
                },
            ),
            source=str(each.spin_id),
            request_id=each.request_id,
        )
        for each in credits
    ]
    return Statement(INSERT, _new(made), rows=len(made))


def queue_refunds(deducts: Sequence[SpinDeduct]) -> Statement:
    """Return the statement that queues deducts to be given back, each once."""
    made = [
        NewOperation(
            kind=OperationKind.REFUND,
            change=Credit(
                user_id=each.user_id,
                amount=each.amount,
                transaction_id=f"spin-{each.spin_id}-refund",
                reason=CreditReason.REFUND,
                metadata={"spinId": str(each.spin_id)},
            ),
            source=str(each.spin_id),
            request_id=each.request_id,
        )
        for each in deducts
    ]
    return queue_new(made)


def queue_new(made: Sequence[NewOperation]) -> Statement:
    """Return the statement that queues operations; what is queued already by its key stays as it is."""
    return Statement(INSERT_NEW, _new(made))


def patience_s() -> float:
    """Seconds after which reconciliation asks for a deduct that nobody has closed."""
    total_s: float = settings.RRR_TOTAL_TIMEOUT_S
    return total_s + MARGIN_S


def _new(made: Sequence[NewOperation], *, after_s: float = 0.0) -> dict[str, Any]:
    changes = [each.change for each in made]
    return {
        "after_s": after_s,
        "ids": array(new_id_texts(len(made))),
        "users": array([change.user_id for change in changes]),
        "kinds": array([each.kind.value for each in made]),
        "amounts": array([change.amount for change in changes]),
        "keys": array([change.transaction_id for change in changes]),
        "sources": array([each.source for each in made]),
        "bodies": array([orjson.dumps(change.body).decode() for change in changes]),
        "request_ids": array([each.request_id for each in made]),
    }
