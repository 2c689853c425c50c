"""Deactivating an account. A performer's queue ends with it."""

from uuid import UUID

import accounts.services
from accounts.models import User
from core import db
from core.errors import Forbidden, NotFound
from perfqueue.models import Cause, Presence
from perfqueue.services.commands import abandon_started
from perfqueue.services.control import close
from perfqueue.services.queues import LockedQueue, lock_queues, started_item


def deactivate(*, user_id: UUID, actor: User) -> bool:
    """Deactivate an account: nobody signs in with it, and a performer's queue is closed for good.

    Everybody who waits is refunded (T3, `STREAM_ENDED`), the started item is abandoned (T5, by the performer's policy).
    Locks the queue, its items, their holds and wallets, then the account. Return whether anything changed.

    Raises:
        NotFound, Forbidden (the actor's own account): nothing was written.
    """
    if actor.pk == user_id:
        raise Forbidden
    with db.joined():
        queue = _queue_of(user_id)
        if queue is not None:
            queue.row.presence = Presence.OFFLINE
            queue.row.save(update_fields=["presence"])
            close(queue, actor=actor)
            started = started_item(user_id)
            if started is not None:
                abandon_started(queue, started, actor=actor, cause=Cause.STREAM_ENDED)
        return accounts.services.deactivate(user_id)


def _queue_of(user_id: UUID) -> LockedQueue | None:
    try:
        return LockedQueue(lock_queues([user_id])[user_id])
    except NotFound:
        return None
