"""The ends of intents that do not become spins, and of their deducts: what a transaction writes for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.batches import Statement
from core.db import array
from loyalty import services as loyalty
from slots.models import IntentState

_CLOSE = """
UPDATE slots_spinintent i SET state = n.state, closed_at = %(at)s
  FROM unnest(%(ids)s::uuid[], %(states)s::text[]) AS n (id, state)
 WHERE i.id = n.id AND i.state = 'open'
"""


@dataclass(slots=True)
class Closing:
    """What is to be written where intents do not become spins: their ends, those of their deducts, and refunds."""

    intents: list[tuple[UUID, IntentState]] = field(default_factory=list)
    deducts: list[loyalty.ClosedDeduct] = field(default_factory=list)
    refunds: list[loyalty.SpinDeduct] = field(default_factory=list)
    unknown: list[tuple[UUID, str]] = field(default_factory=list)

    def refuse(self, spin_id: UUID, error: str) -> None:
        """Nothing was taken."""
        self.intents.append((spin_id, IntentState.REFUSED))
        self.deducts.append(loyalty.ClosedDeduct(spin_id=spin_id, state=loyalty.OperationState.REFUSED, error=error))

    def compensate(self, deduct: loyalty.SpinDeduct, error: str) -> None:
        """What was taken is given back."""
        self.intents.append((deduct.spin_id, IntentState.COMPENSATED))
        self.deducts.append(
            loyalty.ClosedDeduct(spin_id=deduct.spin_id, state=loyalty.OperationState.COMPENSATED, error=error)
        )
        self.refunds.append(deduct)

    def statements(self, *, at: datetime) -> list[Statement]:
        found = []
        if self.intents:
            found += [closing_intents(self.intents, at=at), loyalty.closing_deducts(self.deducts)]
        if self.refunds:
            found.append(loyalty.queue_refunds(self.refunds))
        if self.unknown:
            found.append(loyalty.leaving_unknown(self.unknown))
        return found


def closing_intents(intents: Sequence[tuple[UUID, IntentState]], *, at: datetime) -> Statement:
    """Return the statement that closes intents; it fails unless all of them are open."""
    ids, states = zip(*intents, strict=True)
    params = {"at": at, "ids": array(ids), "states": array([str(state) for state in states])}
    return Statement(_CLOSE, params, rows=len(intents))
