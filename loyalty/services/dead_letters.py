"""Dead operations, which staff send again."""

from uuid import UUID

import structlog

from accounts.models import FINANCE_ROLES, SUPPORT_ROLES, User
from core.clock import CoreNow
from core.db import first_or_not_found, joined
from core.errors import RoleNotAllowed, assert_reason
from loyalty.errors import KEY_MISMATCH, NotDead
from loyalty.models import OperationState, RemoteOperation

RETRY_ROLES = FINANCE_ROLES | SUPPORT_ROLES
log = structlog.get_logger()


def send_again(*, operation_id: UUID, reason: str, actor: User) -> RemoteOperation:
    """Let a dead operation be sent again, from now on for a day. Locks the operation.

    Raises:
        RoleNotAllowed, ValidationFailed (no reason), NotFound; NotDead: it is not dead, or its key was used there with
        another body, which asking again cannot change. Nothing was written.
    """
    if actor.role not in RETRY_ROLES:
        raise RoleNotAllowed
    assert_reason(reason)
    with joined():
        found = RemoteOperation.objects.select_for_update(no_key=True).filter(pk=operation_id)
        operation = first_or_not_found(found)
        if operation.state != OperationState.DEAD or operation.error == KEY_MISMATCH:
            raise NotDead
        RemoteOperation.objects.filter(pk=operation.pk).update(
            state=OperationState.OPEN,
            attempts=0,
            due_at=CoreNow(),
            retried_at=CoreNow(),
            closed_at=None,
        )
        log.info("loyalty_operation_sent_again", key=operation.key, actor=str(actor.pk))
        return RemoteOperation.objects.get(pk=operation.pk)
