"""The verifier's runs and findings, and frozen wallets with the action that thaws them."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts.backoffice import Action, ActionAdmin, RoleAdmin, exact_filter, person_filter, register_related
from accounts.models import FINANCE_ROLES, STAFF_ROLES, Role, User
from escrow.admin import reconciliation
from escrow.errors import AlreadyThawed
from escrow.models import Finding, Freeze, Verification
from escrow.services import auditing

RECONCILERS = FINANCE_ROLES | {Role.AUDITOR}
register_related("escrow.finding", "Wallet", "escrow.wallet", by="subject")
register_related("escrow.finding", "Hold", "escrow.hold", by="subject")
register_related("escrow.finding", "Operation", "escrow.operation", by="subject")
register_related("escrow.finding", "Wallets frozen for it", "escrow.freeze")


@admin.register(Verification)
class VerificationAdmin(RoleAdmin):
    """The verifier's runs, and the reconciliation page."""

    view_roles = STAFF_ROLES
    actions_list = ("reconciliation",)
    list_display = ("id", "is_full", "since", "started_at", "finished_at", "operations", "findings")
    list_filter = ("is_full",)
    ordering = ("-id",)

    @action(description="Reconciliation", url_path="reconciliation", permissions=["reconcile"])
    def reconciliation(self, request: HttpRequest) -> HttpResponse:
        return reconciliation.response(self, request, may_verify=self.may(request, FINANCE_ROLES))

    def has_reconcile_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, RECONCILERS)


@admin.register(Finding)
class FindingAdmin(RoleAdmin):
    """Open findings first."""

    view_roles = STAFF_ROLES
    list_display = ("id", "check_name", "subject", "problem", "first_seen_at", "last_seen_at", "cleared_at")
    list_filter = ("check_name", exact_filter("subject", title="subject (id)"))
    search_fields = ("=subject",)
    ordering = (F("cleared_at").desc(nulls_first=True), "-id")


@admin.register(Freeze)
class FreezeAdmin(ActionAdmin):
    """Freezes in force first."""

    action_roles = FINANCE_ROLES
    view_roles = STAFF_ROLES
    actions = ("thaw_chosen",)
    list_display = (
        "id",
        "owner",
        "currency",
        "reason",
        "frozen_at",
        "frozen_by",
        "thawed_at",
        "thawed_by",
        "thaw_reason",
    )
    list_filter = (person_filter("wallet__owner", parameter="owner"),)
    list_select_related = ("wallet__owner",)
    id_fields = ("pk", "wallet", "finding", "wallet__owner")
    person_fields = ("wallet__owner",)
    ordering = (F("thawed_at").desc(nulls_first=True), "-id")

    @admin.display(description="owner")
    def owner(self, row: Freeze) -> str:
        return str(row.wallet.owner)

    @admin.display(description="currency")
    def currency(self, row: Freeze) -> str:
        return row.wallet.currency

    @admin.action(description="Let the chosen wallets go…", permissions=["act"])
    def thaw_chosen(self, request: HttpRequest, queryset: QuerySet[Freeze]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("wallet__owner"), THAW)


def _thaw(row: Freeze, actor: User, reason: str) -> str:
    if row.thawed_at is not None:
        raise AlreadyThawed
    auditing.thaw(wallet_id=row.wallet_id, actor_id=actor.pk, reason=reason)
    return "pays and receives again"


THAW = Action(
    name="thaw_chosen",
    title="Let wallets go",
    button="Let go",
    possible="wallets can be let go",
    done="wallets let go",
    columns=("Owner", "Currency", "Frozen because"),
    cells=lambda row: (row.wallet.owner, row.wallet.currency, row.reason),
    execute=_thaw,
    warning="A wallet whose finding is still open is frozen again by the next run of the verifier.",
)
