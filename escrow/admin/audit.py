"""What the verifier saw and which wallets stand still. Letting one go is an action: a reason, one result per row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.backoffice import STAFF_ROLES, ExactFilter, PersonFilter, ReasonForm, RoleAdmin, signed_in
from core.db import command, rehearsed
from core.errors import DomainError
from escrow import services
from escrow.admin.deciding import DESK, MOST
from escrow.models import Finding, Freeze, Verification


class Owner(PersonFilter):
    title, parameter_name, lookup = "owner (name or id)", "owner", "wallet__owner"


class Subject(ExactFilter):
    title, parameter_name, lookup = "subject (id)", "subject", "subject"


@dataclass(frozen=True)
class Result:
    """What became, or would become, of one frozen wallet."""

    row: Freeze
    said: str
    refused: bool


@admin.register(Verification)
class VerificationAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("id", "is_full", "since", "started_at", "finished_at", "operations", "findings")
    list_filter = ("is_full",)
    ordering = ("-id",)


@admin.register(Finding)
class FindingAdmin(RoleAdmin):
    """Open ones first."""

    view_roles = STAFF_ROLES
    list_display = ("id", "check_name", "subject", "problem", "first_seen_at", "last_seen_at", "cleared_at")
    list_filter = ("check_name", Subject)
    search_fields = ("=subject",)
    ordering = (F("cleared_at").desc(nulls_first=True), "-id")


@admin.register(Freeze)
class FreezeAdmin(RoleAdmin):
    """Standing ones first."""

    view_roles = STAFF_ROLES
    actions = ("thaw_chosen",)
    list_per_page = MOST
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
    list_filter = (Owner,)
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

    def has_thaw_permission(self, request: HttpRequest) -> bool:
        return self.may(request, DESK)

    @admin.action(description="Let the chosen wallets go…", permissions=["thaw"])
    def thaw_chosen(self, request: HttpRequest, queryset: QuerySet[Freeze]) -> HttpResponse | None:
        chosen = list(queryset.select_related("wallet__owner").order_by("id")[: MOST + 1])
        if len(chosen) > MOST:
            self.message_user(request, f"Choose {MOST} rows at most. Nothing was changed.", messages.ERROR)
            return None
        form = ReasonForm(request.POST if "apply" in request.POST else None)
        decided = form.is_valid()
        run, reason = (command, form.cleaned_data["reason"]) if decided else (rehearsed, "dry run")
        results = [self._result(run, request, row, reason) for row in chosen]
        for result in results:
            if decided and not result.refused:
                self.log_change(request, result.row, "Let go by action.")
        return self._page(request, results, None if decided else form)

    def _result(
        self, run: Callable[[Callable[[], Any]], Any], request: HttpRequest, row: Freeze, reason: str
    ) -> Result:
        """Each wallet in a transaction of its own: what one is refused does not stop the next."""
        if row.thawed_at is not None:
            return Result(row, "was let go before", refused=True)
        actor_id = signed_in(request).pk
        try:
            run(lambda: services.thaw(wallet_id=row.wallet_id, actor_id=actor_id, reason=reason))
        except DomainError as refusal:
            return Result(row, f"refused: {refusal} ({refusal.code})", refused=True)
        return Result(row, "pays and receives again", refused=False)

    def _page(self, request: HttpRequest, results: list[Result], form: ReasonForm | None) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Let wallets go",
            "form": form,
            "results": results,
            "possible": sum(not result.refused for result in results),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/escrow/thaw.html", context)
