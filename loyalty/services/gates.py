"""What the gates of other apps read of links, as statements over lists."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from core.batches import Statement
from core.db import array
from loyalty.models import OperationKind, OperationState, RemoteOperation
from loyalty.services.operations import credit_key

LINKED = """
SELECT l.user_id FROM loyalty_link l WHERE l.user_id = ANY (%(users)s::uuid[]) AND l.unlinked_at IS NULL
"""


def linked_of(user_ids: Sequence[UUID]) -> Statement:
    """Return the statement that reads which of these users are linked: a row of one id each."""
    return Statement(LINKED, {"users": array(user_ids)})


def is_remote() -> bool:
    """Whether RedRoomRewards keeps the points, not our own ledger."""
    return bool(settings.LOYALTY_BACKEND == "redroomrewards")


def pending_credits(spin_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the spins whose award RedRoomRewards has not confirmed (one statement)."""
    found = RemoteOperation.objects.filter(
        kind=OperationKind.CREDIT, key__in=[credit_key(spin_id) for spin_id in spin_ids]
    ).exclude(state=OperationState.CONFIRMED)
    return {UUID(source) for source in found.values_list("source", flat=True)}
