"""What a person's points did over there, as their statement shows it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from loyalty.models import OperationKind, OperationState, RemoteOperation

TAKES = frozenset({OperationKind.DEDUCT, OperationKind.EARN_REVERSAL})


@dataclass(frozen=True)
class Move:
    """A change of points in RedRoomRewards. `balance_after` is None until it is confirmed."""

    id: UUID
    at: datetime
    kind: OperationKind
    state: OperationState
    change: int
    balance_after: int | None


def moves_of(user_id: UUID, *, before: UUID | None, limit: int) -> list[Move]:
    """Return the newest changes of a person's points, of those older than `before` (one statement).

    What RedRoomRewards refused did not change them and is left out.
    """
    found = RemoteOperation.objects.filter(user_id=user_id).exclude(state=OperationState.REFUSED)
    if before is not None:
        found = found.filter(id__lt=before)
    return [_move(each) for each in found.order_by("-id")[:limit]]


def _move(row: RemoteOperation) -> Move:
    kind = OperationKind(row.kind)
    return Move(
        id=row.pk,
        at=row.created_at,
        kind=kind,
        state=OperationState(row.state),
        change=-row.amount if kind in TAKES else row.amount,
        balance_after=row.new_balance,
    )
