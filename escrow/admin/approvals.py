"""Approvals, and payouts with their CSV export. Performers read their own payouts."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from import_export.admin import ExportMixin
from import_export.fields import Field
from import_export.resources import ModelResource

from accounts.backoffice import BACK_OFFICE_ROLES, Action, ActionAdmin, filters_checked, person_filter
from accounts.models import FINANCE_ROLES, STAFF_ROLES, User
from escrow import services
from escrow.admin.spreadsheets import SafeCSV
from escrow.models import Approval, Payout
from escrow.services import approvals


def approval_action(*, approve: bool) -> Action:
    """Return the action that approves, or rejects, adjustments."""

    def execute(row: Approval, actor: User, reason: str) -> str:
        return approvals.decide(approval_id=row.pk, approve=approve, reason=reason, actor=actor).status

    return _action("approvals", execute, lambda row: row.user, lambda row: row.currency, approve=approve)


def payout_action(*, approve: bool) -> Action:
    """Return the action that approves, or rejects, payouts."""

    def execute(row: Payout, actor: User, reason: str) -> str:
        decision = approvals.decide_payout(payout_id=row.pk, approve=approve, reason=reason, actor=actor)
        return decision.payout.status if decision.payout else "a second person must approve"

    token = services.Currency.TOKEN.value
    return _action("payouts", execute, lambda row: row.performer, lambda row: token, approve=approve)


def _action(
    noun: str,
    execute: Callable[[Any, User, str], str],
    owner: Callable[[Any], User],
    currency: Callable[[Any], str],
    *,
    approve: bool,
) -> Action:
    verb = "Approve" if approve else "Reject"
    return Action(
        name=f"{verb.lower()}_chosen",
        title=f"{verb} {noun}",
        button=verb,
        steps_up=True,
        possible="can be decided so",
        done="decided",
        columns=("Whose", "Amount", "Reason so far"),
        cells=lambda row: (owner(row), f"{row.amount} {currency(row)}", row.reason),
        execute=execute,
        amount=lambda row: (currency(row), row.amount),
    )


@admin.register(Approval)
class ApprovalAdmin(ActionAdmin):
    """Open approvals first. Approving executes what was requested."""

    action_roles = FINANCE_ROLES
    view_roles = STAFF_ROLES
    actions = ("approve_chosen", "reject_chosen")
    list_display = (
        "id",
        "status",
        "kind",
        "user",
        "amount",
        "currency",
        "reason",
        "requested_by",
        "requested_at",
        "decided_by",
        "decided_at",
    )
    list_filter = ("status", "kind", "currency", person_filter("user"), person_filter("requested_by", title="asked by"))
    list_select_related = ("user", "requested_by", "decided_by")
    id_fields = ("pk", "user", "requested_by", "payout", "reverses", "result")
    person_fields = ("user", "requested_by")
    ordering = (F("decided_at").desc(nulls_first=True), "-id")

    @admin.action(description="Approve the chosen…", permissions=["act"])
    def approve_chosen(self, request: HttpRequest, queryset: QuerySet[Approval]) -> HttpResponse | None:
        return self.over_selected(request, queryset, approval_action(approve=True))

    @admin.action(description="Reject the chosen…", permissions=["act"])
    def reject_chosen(self, request: HttpRequest, queryset: QuerySet[Approval]) -> HttpResponse | None:
        return self.over_selected(request, queryset, approval_action(approve=False))


class PayoutResource(ModelResource):
    """A payout in the export. Amounts are whole tokens."""

    performer_id = Field(attribute="performer_id", column_name="performer_id")
    performer = Field(attribute="performer__username", column_name="performer")

    class Meta:
        model = Payout
        fields = ("id", "performer_id", "performer", "amount", "status", "requested_at", "decided_at", "reason")
        export_order = fields


@admin.register(Payout)
class PayoutAdmin(ExportMixin, ActionAdmin):
    """Rejecting moves a payout back to `earned`. The export follows search and filters."""

    action_roles = FINANCE_ROLES
    view_roles = BACK_OFFICE_ROLES
    owner_path = "performer"
    actions = ("approve_chosen", "reject_chosen")
    resource_classes = (PayoutResource,)
    formats = (SafeCSV,)
    skip_export_form = True
    list_display = ("id", "status", "performer", "amount", "requested_at", "decided_at", "decided_by", "reason")
    list_filter = ("status", person_filter("performer"))
    list_select_related = ("performer",)
    id_fields = ("pk", "performer", "operation", "rejection")
    person_fields = ("performer",)
    ordering = ("-id",)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.may(request, FINANCE_ROLES)

    def export_action(self, request: HttpRequest) -> Any:
        with filters_checked(request):  # by POST as well: it writes nothing
            return super().export_action(request)

    @admin.action(description="Approve the chosen…", permissions=["act"])
    def approve_chosen(self, request: HttpRequest, queryset: QuerySet[Payout]) -> HttpResponse | None:
        return self.over_selected(request, queryset, payout_action(approve=True))

    @admin.action(description="Reject the chosen…", permissions=["act"])
    def reject_chosen(self, request: HttpRequest, queryset: QuerySet[Payout]) -> HttpResponse | None:
        return self.over_selected(request, queryset, payout_action(approve=False))
