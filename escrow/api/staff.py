"""Staff's grants, corrections, write-offs and approvals; performers' earnings and payouts."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

import accounts.services
from accounts.models import FINANCE_ROLES, Role
from core.api import Endpoint
from core.db import command, first_or_not_found
from core.errors import Forbidden, NotFound
from core.fields import Amount, Body, Page, StrictChar, StrictEnum, StrictUUID
from escrow import services, shapes
from escrow.models import ApprovalStatus, PayoutStatus
from escrow.services import Currency, approvals, earnings, payouts
from escrow.services.approvals import Decision

READERS = (Role.FINANCE, Role.SUPPORT, Role.AUDITOR, Role.ADMIN)


class StaffRequest(Endpoint):
    """A keyed request of staff: 200 when it was done, 202 {approvalId} when a second person must allow it."""

    roles = FINANCE_ROLES
    Output = {200: shapes.DoneOut, 202: shapes.AwaitedOut}

    def decided(self, work: Callable[[], Decision]) -> HttpResponse:
        return self.once(
            work=work,
            prepare=lambda decision: decision.payout or decision,
            status=lambda decision: 202 if decision.approval else 200,
        )


class AdjustmentIn(Body):
    userId = StrictUUID(source="owner_id")
    currency = StrictEnum(Currency)
    amount = Amount()
    reason = StrictChar(max_length=500)


class Grant(StaffRequest):
    """POST /admin/grants {userId, currency, amount, reason}. 200; 202; 400; 403 WALLET_FROZEN; 404."""

    operation, Input = "admin.grant", AdjustmentIn

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.grant(**self.data, actor=self.actor))


class WriteOffDebt(StaffRequest):
    """POST /admin/write-offs {userId, currency, amount, reason}. 200; 202; 400; 402 INSUFFICIENT_BALANCE; 404."""

    operation, Input = "admin.write_off", AdjustmentIn

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.write_off(**self.data, actor=self.actor))


class Correction(StaffRequest):
    """POST /admin/corrections {operationId, reason}. 200; 202; 400; 402; 404; 409 INVALID_TRANSITION."""

    operation = "admin.correct"

    class Input(Body):
        operationId = StrictUUID(source="operation_id")
        reason = StrictChar(max_length=500)

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.correct(**self.data, actor=self.actor))


class ApprovalQuery(Page):
    status = StrictEnum(ApprovalStatus, required=False)


class ApprovalList(Endpoint):
    """GET /admin/approvals?status=. 200: a list, newest first."""

    roles, Query, Output = READERS, ApprovalQuery, shapes.ApprovalsOut

    def get(self, request: Request) -> HttpResponse:
        narrowed = {name: self.query[name] for name in ("status",) if name in self.query}
        return self.page(approvals.list_approvals().filter(**narrowed))


class ApprovalDetail(Endpoint):
    """GET /admin/approvals/{id}. 200; 404."""

    roles, Output = READERS, shapes.ApprovalOut

    def get(self, request: Request, approval_id: UUID) -> HttpResponse:
        return self.answer(first_or_not_found(approvals.list_approvals().filter(pk=approval_id)))


class DecisionIn(Body):
    reason = StrictChar(required=False, max_length=500, default="", allow_blank=True)


class Approve(Endpoint):
    """POST /admin/approvals/{id}/approve {reason?}. 200; 403 SAME_APPROVER; 404; 409 APPROVAL_CLOSED; the refusals
    of what is approved. Not keyed: an approval is decided once."""

    roles, Input, Output, approves = FINANCE_ROLES, DecisionIn, shapes.ApprovalOut, True

    def post(self, request: Request, approval_id: UUID) -> HttpResponse:
        decided = command(
            lambda: approvals.decide(
                approval_id=approval_id, approve=self.approves, reason=self.data["reason"], actor=self.actor
            )
        )
        return self.answer(decided)


class Reject(Approve):
    """POST /admin/approvals/{id}/reject {reason?}. 200, nothing moves; 404; 409 APPROVAL_CLOSED."""

    approves = False


class PayoutQuery(Page):
    status = StrictEnum(PayoutStatus, required=False)


class PayoutList(Endpoint):
    """GET /admin/payouts?status=. 200: a list, newest first."""

    roles, Query, Output = READERS, PayoutQuery, shapes.PayoutsOut

    def get(self, request: Request) -> HttpResponse:
        narrowed = {name: self.query[name] for name in ("status",) if name in self.query}
        return self.page(payouts.list_payouts().filter(**narrowed))


class ApprovePayout(StaffRequest):
    """POST /admin/payouts/{id}/approve {reason?}. 200 with the payout; 202; 403 SAME_APPROVER; 404; 409."""

    operation, Input, approves = "admin.approve_payout", DecisionIn, True
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
    """A performer's own money: 403 for another performer, 404 if there is no performer with that id; staff may read."""

    roles = (Role.PERFORMER, *READERS)

    def own(self, performer_id: UUID) -> None:
        if self.actor.pk == performer_id:
            return
        if not accounts.services.is_performer(performer_id, including_former=True):
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
        return self.page(payouts.list_payouts(performer_id))

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        self.own(performer_id)
        amount = self.data["amount"]
        return self.once(
            work=lambda: services.request_payout(performer_id=performer_id, amount=amount, actor=self.actor), status=201
        )


class PerformerEarnings(OwnMoney):
    """GET /performer/{id}/earnings. 200; 403; 404."""

    Output = shapes.EarningsOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        self.own(performer_id)
        return self.answer(earnings.earnings_of(performer_id))
