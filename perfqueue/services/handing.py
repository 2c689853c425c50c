"""Items that another feature hands in over the API: its account's names and scopes, then the same intake as ours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import accounts.services
from accounts.models import Scope, User
from core import db
from core.errors import Forbidden, NotFound
from perfqueue.errors import ServiceCapReached
from perfqueue.models import Fulfilment
from perfqueue.services.holds import DAY, admitted, hold_for
from perfqueue.services.intake import intake
from perfqueue.services.payload import Intake, IntakeResult
from perfqueue.services.queues import locked_queue


def submit(payload: Intake, *, service: User) -> IntakeResult:
    """Take a request whose hold this account's feature has opened; an instant one is finished and settled at once.

    Locks as `intake` does: a performed item the performer's line first; an award first the name of (feature, buyer),
    which makes the cap of awards exact. A refused intake leaves the hold to expire.

    Raises:
        Forbidden (scope, feature, or an award without its scope), ServiceCapReached (awards), NotFound (hold or
        performer), and what `intake` raises: nothing was written.
    """
    account = admitted(service, scope=Scope.INTAKE, feature=payload.source_feature)
    if hold_for(payload.hold_id, viewer=service).feature != payload.source_feature:
        raise Forbidden
    with db.joined():
        if payload.fulfilment == Fulfilment.INSTANT:
            _assert_performs(payload.performer_id)
        if payload.award:
            if Scope.AWARD not in account.scopes or payload.fulfilment != Fulfilment.INSTANT:
                raise Forbidden
            _assert_below_cap(payload, account.cap_per_user_day)
            payload = replace(payload, may_award=True)
        if payload.fulfilment == Fulfilment.INSTANT:
            return intake(payload, actor=service)
        if payload.performer_id is None:
            raise RuntimeError("The endpoint lets a performed item through only with its performer.")
        with locked_queue(payload.performer_id) as queue:
            return intake(payload, actor=service, queue=queue)


def _assert_performs(performer_id: UUID | None) -> None:
    """Whose room it was is a performer's, or nobody's. (A performed item finds her by her line.)"""
    if performer_id and not accounts.services.is_performer(performer_id):
        raise NotFound


AWARDED = """
SELECT coalesce(sum(award), 0)::bigint AS awarded FROM perfqueue_queueitem
 WHERE user_id = %s AND id >= %s AND source_feature = %s AND created_at > core_now() - interval '24 hours'
"""


def _assert_below_cap(payload: Intake, cap: int) -> None:
    """Points awarded to one buyer by one feature within 24 hours. Ids are made in real time, as those of holds are."""
    db.lock_name(f"perfqueue.awards:{payload.source_feature}:{payload.user_id}")
    since = datetime.now(UTC) - DAY - timedelta(hours=1)
    floor = UUID(int=int(since.timestamp() * 1000) << 80)
    awarded = db.rows(AWARDED, [payload.user_id, floor, payload.source_feature])[0]["awarded"]
    if awarded + payload.award > cap:
        raise ServiceCapReached(cap=cap, spent=awarded, amount=payload.award)
