"""Staff's grants, corrections, write-offs and approvals; performers' earnings and payouts."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

import accounts.services
from accounts.errors import StepUpRequired
from accounts.models import FINANCE_ROLES, Role
from core.api import Endpoint
from core.db import command, first_or_not_found
from core.errors import Forbidden, NotFound
from core.fields import Amount, Body, Page, StrictChar, StrictEnum, StrictUUID
from escrow import services, shapes
from escrow.errors import (
    ApprovalClosed,
    InsufficientBalance,
    NotReversible,
    PayoutTooSmall,
    SameApprover,
    WalletFrozen,
)
from escrow.models import Approval, ApprovalStatus, PayoutStatus
from escrow.services import Currency, approvals, earnings, payouts
from escrow.services.approvals import Decision

T = TypeVar("T")
X_TOTP = OpenApiParameter(
    "X-TOTP",
    location=OpenApiParameter.HEADER,
    description="A current code of the caller's second factor, one not used before. Demo and test ask for none.",
)
READERS = (Role.FINANCE, Role.SUPPORT, Role.AUDITOR, Role.ADMIN)


class SteppedUp(Endpoint):
    """An operation of finance, with a current code of the second factor in `X-TOTP` where the mode is production.

    The code is asked for after the role and is used up in the operation's transaction: what is refused uses none.
    """

    roles = FINANCE_ROLES
    header_parameters = (X_TOTP,)

    def _admit(self, request: Request) -> None:
        super()._admit(request)
        accounts.services.assert_step_up(self.actor, self._code)

    @property
    def _code(self) -> str:
        return self.request.headers.get("X-TOTP", "")

    def stepped_up(self, work: Callable[[], T]) -> Callable[[], T]:
        """Return what uses the code up, then works."""

        def both() -> T:
            accounts.services.use_step_up(self.actor, self._code)
            return work()

        return both


class StaffRequest(SteppedUp):
    """A keyed request of staff: 200 when it was done, 202 {approvalId} when a second person must allow it."""

    Output = {200: shapes.DoneOut, 202: shapes.AwaitedOut}

    def decided(self, work: Callable[[], Decision]) -> HttpResponse:
        return self.once(
            work=self.stepped_up(work),
            prepare=lambda decision: decision.payout or decision,
            status=lambda decision: 202 if decision.approval else 200,
        )


class AdjustmentIn(Body):
    userId = StrictUUID(source="owner_id")
    currency = StrictEnum(Currency)
    amount = Amount()
    reason = StrictChar(max_length=500)


class Grant(StaffRequest):
    """Give tokens or points to a person.

    Above the four-eyes limit nothing moves until a second person approves: 202.
    """

    operation, Input = "admin.grant", AdjustmentIn
    refuses = (StepUpRequired, NotFound, WalletFrozen)

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.grant(**self.data, actor=self.actor))


class WriteOffDebt(StaffRequest):
    """Write off what a person owes.

    Above the four-eyes limit nothing moves until a second person approves: 202.
    """

    operation, Input = "admin.write_off", AdjustmentIn
    refuses = (StepUpRequired, NotFound, InsufficientBalance, WalletFrozen)

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.write_off(**self.data, actor=self.actor))


class Correction(StaffRequest):
    """Reverse an operation of the ledger.

    Above the four-eyes limit nothing moves until a second person approves: 202.
    """

    operation = "admin.correct"
    refuses = (StepUpRequired, NotFound, InsufficientBalance, NotReversible, WalletFrozen)

    class Input(Body):
        operationId = StrictUUID(source="operation_id")
        reason = StrictChar(max_length=500)

    def post(self, request: Request) -> HttpResponse:
        return self.decided(lambda: approvals.correct(**self.data, actor=self.actor))


class ApprovalQuery(Page):
    status = StrictEnum(ApprovalStatus, required=False)


class ApprovalList(Endpoint):
    """List the requests for approval, newest first."""

    roles, Query, Output = READERS, ApprovalQuery, shapes.ApprovalsOut

    def get(self, request: Request) -> HttpResponse:
        narrowed = {name: self.query[name] for name in ("status",) if name in self.query}
        return self.page(approvals.list_approvals().filter(**narrowed))


class ApprovalDetail(Endpoint):
    """Show one request for approval."""

    roles, Output = READERS, shapes.ApprovalOut

    def get(self, request: Request, approval_id: UUID) -> HttpResponse:
        return self.answer(first_or_not_found(approvals.list_approvals().filter(pk=approval_id)))


class DecisionIn(Body):
    reason = StrictChar(required=False, max_length=500, default="", allow_blank=True)


class RejectionIn(Body):
    reason = StrictChar(max_length=500)


class Approve(SteppedUp):
    """Approve a request of another person.

    Not keyed: an approval is decided once. What is approved may be refused by its own rules.
    """

    Input, Output, approves = DecisionIn, shapes.ApprovalOut, True
    refuses = (StepUpRequired, SameApprover, ApprovalClosed, InsufficientBalance, NotReversible, WalletFrozen)

    def post(self, request: Request, approval_id: UUID) -> HttpResponse:
        def work() -> Approval:
            return approvals.decide(
                approval_id=approval_id, approve=self.approves, reason=self.data["reason"], actor=self.actor
            )

        return self.answer(command(self.stepped_up(work)))


class Reject(Approve):
    """Reject a request for approval; nothing moves."""

    approves = False


class PayoutQuery(Page):
    status = StrictEnum(PayoutStatus, required=False)


class PayoutList(Endpoint):
    """List all payouts, newest first."""

    roles, Query, Output = READERS, PayoutQuery, shapes.PayoutsOut

    def get(self, request: Request) -> HttpResponse:
        narrowed = {name: self.query[name] for name in ("status",) if name in self.query}
        return self.page(payouts.list_payouts().filter(**narrowed))


class ApprovePayout(StaffRequest):
    """Approve a payout.

    Above the four-eyes limit it waits for a second person: 202.
    """

    operation, Input, approves = "admin.approve_payout", DecisionIn, True
    Output = {200: shapes.PayoutOut, 202: shapes.AwaitedOut}
    refuses = (StepUpRequired, SameApprover, ApprovalClosed, WalletFrozen)

    def post(self, request: Request, payout_id: UUID) -> HttpResponse:
        reason = self.data["reason"]
        return self.decided(
            lambda: approvals.decide_payout(payout_id=payout_id, approve=self.approves, reason=reason, actor=self.actor)
        )


class RejectPayout(ApprovePayout):
    """Reject a payout; the tokens go back to the performer."""

    operation, approves, Output = "admin.reject_payout", False, {200: shapes.PayoutOut}
    Described = RejectionIn


class OwnMoney(Endpoint):
    """A performer's own money: 403 for another active performer, 404 if there is none with that id; staff may read."""

    roles = (Role.PERFORMER, *READERS)
    refuses: ClassVar[Any] = (Forbidden,)

    def own(self, performer_id: UUID) -> None:
        if self.actor.pk == performer_id:
            return
        if not accounts.services.is_performer(performer_id, including_former=self.actor.is_backoffice):
            raise NotFound
        if self.actor.role == Role.PERFORMER or self.request.method != "GET":
            raise Forbidden


class PerformerPayouts(OwnMoney):
    """A performer's payouts."""

    operation, Query = "performer.payout", {"GET": Page}
    Output = {"GET": shapes.PayoutsOut, "POST": {201: shapes.PayoutOut}}
    refuses = {"GET": (Forbidden,), "POST": (Forbidden, InsufficientBalance, PayoutTooSmall, WalletFrozen)}

    class Input(Body):
        amount = Amount()

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        """List a performer's payouts, newest first."""
        self.own(performer_id)
        return self.page(payouts.list_payouts(performer_id))

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        """Ask for a payout of what was earned."""
        self.own(performer_id)
        amount = self.data["amount"]
        return self.once(
            work=lambda: services.request_payout(performer_id=performer_id, amount=amount, actor=self.actor), status=201
        )


class PerformerEarnings(OwnMoney):
    """Show what a performer earned."""

    Output = shapes.EarningsOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        self.own(performer_id)
        return self.answer(earnings.earnings_of(performer_id))
