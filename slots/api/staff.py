"""Paytables for staff, under /admin/slot-machine/."""

from collections.abc import Callable
from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from core.api import Endpoint
from core.db import command
from core.errors import ValidationFailed
from core.fields import Body, Page, StrictChar, StrictDate
from escrow.errors import SameApprover
from slots import errors, services, shapes
from slots.fields import Share, TableField


class PaytableList(Endpoint):
    """List the paytables with their exact figures, newest first."""

    roles, Query, Output = services.PAYTABLE_READERS, Page, shapes.PaytablesOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(services.list_paytables())


class PaytableDraft(Endpoint):
    """Store a paytable: its figures are computed, and a second person has to approve it.

    Not keyed: the same rules are stored once. `pair` and `mixed` may be absent.
    """

    roles, Output = services.PAYTABLE_ROLES, {201: shapes.PaytableOut}
    refuses = (errors.RtpMismatch, errors.PaytableExists)

    class Input(Body):
        table = TableField()
        declaredRtp = Share(source="declared_rtp", max_length=40)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(command(lambda: services.draft(**self.data, actor=self.actor)), status=201)


class OptionalReason(Body):
    reason = StrictChar(required=False, max_length=500, default="", allow_blank=True)


class NeededReason(Body):
    reason = StrictChar(max_length=500)


class PaytableStep(Endpoint):
    """A step of one paytable. Not keyed: a paytable takes each step once."""

    roles, Output = services.PAYTABLE_ROLES, shapes.PaytableOut
    Input: ClassVar[type[Body]] = OptionalReason
    refuses: ClassVar[Any] = (errors.PaytableStepRefused,)

    def taken(self, step: Callable[..., Any], paytable_id: UUID) -> HttpResponse:
        reason = self.data["reason"]
        return self.answer(command(lambda: step(paytable_id=paytable_id, reason=reason, actor=self.actor)))


class ApprovePaytable(PaytableStep):
    """Approve a paytable that somebody else drafted."""

    refuses = (errors.PaytableStepRefused, SameApprover)

    def put(self, request: Request, paytable_id: UUID) -> HttpResponse:
        return self.taken(services.approve, paytable_id)


class ActivatePaytable(PaytableStep):
    """Play by an approved or a retired paytable from the next spin on; the other one is retired."""

    def put(self, request: Request, paytable_id: UUID) -> HttpResponse:
        return self.taken(services.activate, paytable_id)


class RetirePaytable(PaytableStep):
    """Retire the active paytable. None is active then, and spins are refused."""

    Input = NeededReason

    def put(self, request: Request, paytable_id: UUID) -> HttpResponse:
        return self.taken(services.retire, paytable_id)


DAYS = {
    "from": StrictDate(
        source="first", required=False, help_text="the first day, UTC; 30 days before `to` unless given"
    ),
    "to": StrictDate(source="last", required=False, help_text="the last day, UTC; today unless given"),
}
Days = cast(type[Body], type("Days", (Body,), DAYS))


class SlotMachineStats(Endpoint):
    """Show what was played from one day to another, up to the last stored spin, and what the paytables expect.

    What is expected weights each paytable by its spins and stakes. `z` is by how many standard deviations the points
    paid are off. What needs a stake is null where nothing was staked.
    """

    roles, Query, Output = services.PAYTABLE_READERS, Days, shapes.StatsOut

    def get(self, request: Request) -> HttpResponse:
        first, last = services.usual_span(self.query.get("first"), self.query.get("last"))
        if first > last:
            raise _bad_from("Not after `to`.")
        if (last - first).days >= services.MOST_DAYS:
            raise _bad_from(f"At most {services.MOST_DAYS} days can be asked for.")
        return self.answer(services.stats(first=first, last=last))


def _bad_from(fault: str) -> ValidationFailed:
    details: dict[str, Any] = {"from": [fault]}
    return ValidationFailed(**details)
