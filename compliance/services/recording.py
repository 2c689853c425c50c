"""The record of the gates' refusals."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from core.batches import Statement, run_statement
from core.context import request_id
from core.errors import DomainError
from core.ids import new_id

log = structlog.get_logger()
REFUSED = """
INSERT INTO compliance_refusal (id, user_id, feature, gate, code, policy_version, region, request_id)
SELECT n.id, n.user_id, %(feature)s, n.gate, n.code,
       coalesce((SELECT max(p.number) FROM compliance_policyversion p WHERE p.region = n.region), 0)::text,
       n.region, n.request_id
  FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(gates)s::text[], %(codes)s::text[], %(regions)s::text[],
              %(requests)s::text[]) AS n (id, user_id, gate, code, region, request_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRefusal:
    """One person's refused command: which gate refused it, where the person was, and the request's id."""

    user_id: UUID
    gate: str
    code: str
    region: str | None
    request_id: str


def refusals(refused: Sequence[GateRefusal], *, feature: str) -> Statement:
    """Return the statement that writes a `Refusal` row of each, with the policy of its region, in a batch."""
    params = {
        "feature": feature,
        "ids": [new_id() for _ in refused],
        "users": [each.user_id for each in refused],
        "gates": [each.gate for each in refused],
        "codes": [each.code for each in refused],
        "regions": [each.region for each in refused],
        "requests": [each.request_id for each in refused],
    }
    return Statement(REFUSED, params, rows=len(refused))


def record_refusal(*, user_id: UUID, feature: str, refusal: DomainError, region: str | None, gate: str = "") -> None:
    """Write one `Refusal` row in its own transaction; call it after the refused command was rolled back.

    A gate of another app passes its name as `gate`. A row that cannot be written is logged: the refusal is answered
    all the same (PRODUCT.md §4).
    """
    named = gate or getattr(refusal, "gate", "")
    row = GateRefusal(user_id=user_id, gate=named, code=refusal.code, region=region, request_id=request_id())
    try:
        with transaction.atomic():
            run_statement(refusals([row], feature=feature))
    except DatabaseError:
        log.exception("refusal_not_recorded", user_id=str(user_id), feature=feature, gate=named, code=refusal.code)
