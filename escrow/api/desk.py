"""Staff's grants, corrections, write-offs and approvals; performers' earnings and payouts."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

import accounts.services
from accounts.models import FINANCE_ROLES, Role
from core.api import Endpoint, utc
from core.db import command
from core.errors import Forbidden, NotFound
from core.fields import Amount, Body, Page, StrictChar, StrictChoice, StrictUUID
from escrow import services, shapes
from escrow.models import Approval, ApprovalStatus, Payout, PayoutStatus
from escrow.services import Currency, approvals, earnings, payouts
from escrow.services.approvals import Decision
from escrow.services.payouts import PayoutView

DESK = FINANCE_ROLES
READERS = (Role.FINANCE, Role.SUPPORT, Role.AUDITOR, Role.ADMIN)


def approval_out(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.pk,
        "kind": approval.kind,
        "status": approval.status,
        "userId": approval.user_id,
        "currency": approval.currency,
        "amount": approval.amount,
        "reason": approval.reason,
        "requestedBy": approval.requested_by_id,
        "requestedAt": utc(approval.requested_at),
        "decidedBy": approval.decided_by_id,
        "decidedAt": utc(approval.decided_at),
        "decisionReason": approval.decision_reason or None,
        "reversesId": approval.reverses_id,
        "payoutId": approval.payout_id,
        "operationId": approval.result_id,
    }


def payout_out(payout: Payout | PayoutView) -> dict[str, Any]:
    return {
        "id": payout.id,
        "performerId": payout.performer_id,
        "amount": payout.amount,
        "currency": Currency.TOKEN,
        "status": payout.status,
        "reason": payout.reason or None,
        "requestedAt": utc(payout.requested_at),
        "decidedAt": utc(payout.decided_at),
    }


def decision_out(decision: Decision) -> dict[str, Any]:
    if decision.approval is not None:
        return {"approvalId": decision.approval.pk}
    if decision.payout is not None:
        return payout_out(decision.payout)
    return {"operationId": decision.operation_id}


class Wish(Endpoint):
    """A keyed wish of staff: 200 when it was done, 202 {approvalId} when a second person must allow it."""

    roles = DESK
    Output = {200: shapes.DoneOut, 202: shapes.AwaitedOut}

    def decided(self, work: Callable[[], Decision]) -> HttpResponse:
        return self.once(work=work, render=decision_out, status=lambda done: 202 if done.approval else 200)


class Movement(Body):
    userId = StrictUUID()
    currency = StrictChoice(choices=Currency.choices)
    amount = Amount()
    reason = StrictChar(max_length=500)


class Grant(Wish):
    """POST /admin/grants {userId, currency, amount, reason}. 200; 202; 400; 403 WALLET_FROZEN; 404."""

    operation, Input = "admin.grant", Movement

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.grant(**movement(self.data), actor=self.actor))


class WriteOffDebt(Wish):
    """POST /admin/write-offs {userId, currency, amount, reason}. 200; 202; 400; 402 INSUFFICIENT_BALANCE; 404."""

    operation, Input = "admin.write_off", Movement

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.write_off(**movement(self.data), actor=self.actor))


class Correction(Wish):
    """POST /admin/corrections {operationId, reason}. 200; 202; 400; 402; 404; 409 INVALID_TRANSITION."""

    operation = "admin.correct"

    class Input(Body):
        operationId = StrictUUID()
        reason = StrictChar(max_length=500)

    def post(self, request: Request) -> HttpResponse:
        operation_id, reason = self.data["operationId"], self.data["reason"]
        return self.decided(lambda: approvals.correct(operation_id=operation_id, reason=reason, actor=self.actor))


def movement(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "owner_id": said["userId"],
        "currency": Currency(said["currency"]),
        "amount": said["amount"],
        "reason": said["reason"],
    }


class ApprovalQuery(Page):
    status = StrictChoice(required=False, choices=ApprovalStatus.choices)


class ApprovalList(Endpoint):
    """GET /admin/approvals?status=. 200: a list, newest first."""

    roles, Query, Output = READERS, ApprovalQuery, shapes.ApprovalsOut

    def get(self, request: Request) -> HttpResponse:
        narrowed = {name: self.query[name] for name in ("status",) if name in self.query}
        return self.page(
            approvals.list_approvals().filter(**narrowed), lambda found: [approval_out(one) for one in found]
        )


class ApprovalDetail(Endpoint):
    """GET /admin/approvals/{id}. 200; 404."""

    roles, Output = READERS, shapes.ApprovalOut

    def get(self, request: Request, approval_id: UUID) -> HttpResponse:
        found = approvals.list_approvals().filter(pk=approval_id).first()
        if found is None:
            raise NotFound
        return self.ok(approval_out(found))


class Verdict(Body):
    reason = StrictChar(required=False, max_length=500, default="", allow_blank=True)


class Approve(Endpoint):
    """POST /admin/approvals/{id}/approve {reason?}. 200; 403 SAME_APPROVER; 404; 409 APPROVAL_CLOSED; what the movement
    refuses. Not keyed: an approval is decided once."""

    roles, Input, Output, approves = DESK, Verdict, shapes.ApprovalOut, True

    def post(self, request: Request, approval_id: UUID) -> HttpResponse:
        decided = command(
            lambda: approvals.decide(
                approval_id=approval_id, approve=self.approves, reason=self.data["reason"], actor=self.actor
            )
        )
        return self.ok(approval_out(decided))


class Reject(Approve):
    """POST /admin/approvals/{id}/reject {reason?}. 200, nothing moves; 404; 409 APPROVAL_CLOSED."""

    approves = False


class PayoutQuery(Page):
    status = StrictChoice(required=False, choices=PayoutStatus.choices)


class PayoutList(Endpoint):
    """GET /admin/payouts?status=. 200: a list, newest first."""

    roles, Query, Output = READERS, PayoutQuery, shapes.PayoutsOut

    def get(self, request: Request) -> HttpResponse:
        narrowed = {name: self.query[name] for name in ("status",) if name in self.query}
        return self.page(payouts.list_payouts().filter(**narrowed), payouts_out)


class ApprovePayout(Wish):
    """POST /admin/payouts/{id}/approve {reason?}. 200 with the payout; 202; 403 SAME_APPROVER; 404; 409."""

    operation, Input, approves = "admin.approve_payout", Verdict, True
    Output = {200: shapes.PayoutOut, 202: shapes.AwaitedOut}

    def post(self, request: Request, payout_id: UUID) -> HttpResponse:
        reason = self.data["reason"]
        return self.decided(
            lambda: approvals.decide_payout(payout_id=payout_id, approve=self.approves, reason=reason, actor=self.actor)
        )


class RejectPayout(ApprovePayout):
    """POST /admin/payouts/{id}/reject {reason}. 200: the tokens are back; 400; 404; 409 APPROVAL_CLOSED."""

    operation, approves, Output = "admin.reject_payout", False, {200: shapes.PayoutOut}


class OwnMoney(Endpoint):
    """What is a performer's own: another's address is 403, nobody's 404; staff may read."""

    roles = (Role.PERFORMER, *READERS)

    def own(self, performer_id: UUID) -> None:
        if self.actor.pk == performer_id:
            return
        if not accounts.services.is_performer(performer_id, or_was=True):
            raise NotFound
        if self.actor.role == Role.PERFORMER or self.request.method != "GET":
            raise Forbidden


class PerformerPayouts(OwnMoney):
    """POST /performer/{id}/payouts {amount}. 201; 402; 403; 422 PAYOUT_TOO_SMALL. GET: a list, newest first."""

    operation, Query = "performer.payout", Page
    Output = {"GET": shapes.PayoutsOut, "POST": {201: shapes.PayoutOut}}

    class Input(Body):
        amount = Amount()

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        self.own(performer_id)
        return self.page(payouts.list_payouts(performer_id), payouts_out)

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        self.own(performer_id)
        amount = self.data["amount"]
        return self.once(
            work=lambda: services.request_payout(performer_id=performer_id, amount=amount, actor=self.actor),
            render=payout_out,
            status=201,
        )


class PerformerEarnings(OwnMoney):
    """GET /performer/{id}/earnings. 200; 403; 404."""

    Output = shapes.EarningsOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        self.own(performer_id)
        found = earnings.earnings_of(performer_id)
        return self.ok(
            {
                "currency": Currency.TOKEN,
                "earned": found.earned,
                "owed": found.owed,
                "payoutsPending": found.payouts_pending,
                "paidOut": found.paid_out,
                "minimumPayout": settings.PAYOUT_MINIMUM,
                **{name: {"settled": settled, "count": count} for name, (settled, count) in found.recent.items()},
            }
        )


def payouts_out(found: Sequence[Payout]) -> list[dict[str, Any]]:
    return [payout_out(each) for each in found]
