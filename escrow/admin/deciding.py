"""Deciding over chosen rows in the back office: a dry run with totals, a reason, one command and one result per row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.backoffice import ReasonForm, RoleAdmin, signed_in
from accounts.models import Role, User
from core.db import command, rehearsed
from core.errors import DomainError
from escrow.models import Approval, Currency, Payout

DESK = frozenset({Role.FINANCE.value, Role.ADMIN.value})
MOST = 50
Row = Approval | Payout


@dataclass(frozen=True)
class Result:
    """What became, or would become, of one row: `said` in words; `refused` if nothing was done."""

    row: Row
    said: str
    refused: bool = False

    @property
    def currency(self) -> str:
        return self.row.currency if isinstance(self.row, Approval) else Currency.TOKEN


class DecidingAdmin(RoleAdmin):
    """Rows that finance and admin approve or reject by action; `decision` calls the one service."""

    actions = ("approve_chosen", "reject_chosen")
    list_per_page = MOST

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.may(request, DESK)

    def decision(self, row: Any, actor: User, reason: str, *, approve: bool) -> str:
        """Decide one row in the open transaction and say what became of it; raises the service's refusals."""
        raise NotImplementedError

    @admin.action(description="Approve the chosen…", permissions=["decide"])
    def approve_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._asked_or_decided(request, queryset, approve=True)

    @admin.action(description="Reject the chosen…", permissions=["decide"])
    def reject_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._asked_or_decided(request, queryset, approve=False)

    def _asked_or_decided(self, request: HttpRequest, queryset: QuerySet[Any], *, approve: bool) -> HttpResponse | None:
        chosen = list(queryset.order_by("id")[: MOST + 1])
        if len(chosen) > MOST:
            self.message_user(request, f"Choose {MOST} rows at most. Nothing was decided.", messages.ERROR)
            return None
        form, actor = ReasonForm(request.POST if "apply" in request.POST else None), signed_in(request)
        decided = form.is_valid()
        run, reason = (command, form.cleaned_data["reason"]) if decided else (rehearsed, "dry run")
        results = [self._result(run, row, actor, reason, approve=approve) for row in chosen]
        if decided:
            for result in results:
                if not result.refused:
                    self.log_change(request, result.row, f"By action: {result.said}")
        return self._page(request, results, None if decided else form, approve=approve)

    def _result(
        self, run: Callable[[Callable[[], str]], str], row: Row, actor: User, reason: str, *, approve: bool
    ) -> Result:
        """Each row in a transaction of its own: what one is refused does not stop the next."""
        try:
            return Result(row, run(lambda: self.decision(row, actor, reason, approve=approve)))
        except DomainError as refusal:
            return Result(row, f"refused: {refusal} ({refusal.code})", refused=True)

    def _page(
        self, request: HttpRequest, results: list[Result], form: ReasonForm | None, *, approve: bool
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        verb, noun = "Approve" if approve else "Reject", self.opts.verbose_name_plural
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{verb} {noun}",
            "verb": verb,
            "action": "approve_chosen" if approve else "reject_chosen",
            "form": form,
            "results": results,
            "possible": sum(not result.refused for result in results),
            "totals": _totals(results),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/escrow/decide.html", context)


def _totals(results: list[Result]) -> list[tuple[str, int]]:
    """Sum what is not refused, each currency by itself."""
    sums: dict[str, int] = {}
    for result in results:
        if not result.refused:
            sums[result.currency] = sums.get(result.currency, 0) + result.row.amount
    return sorted(sums.items())
