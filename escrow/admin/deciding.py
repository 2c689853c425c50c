"""Doing something to chosen rows in the back office: a dry run first, a reason, one command and one result per row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.backoffice import ReasonForm, RoleAdmin, signed_in
from accounts.models import Role, User
from core.db import command, rehearsed
from core.errors import DomainError

DESK = frozenset({Role.FINANCE.value, Role.ADMIN.value})
MOST = 50


@dataclass(frozen=True)
class Deed:
    """What an action does to each row, and the words for it.

    `work` calls the one service in the open transaction and says what became of the row; it raises the service's
    refusals. `could` and `did` end the sentence "2 of 3 …". `cells` are the row's columns; `amount` its part of the
    totals, with its currency.
    """

    action: str
    title: str
    button: str
    could: str
    did: str
    columns: tuple[str, ...]
    cells: Callable[[Any], tuple[object, ...]]
    work: Callable[[Any, User, str], str]
    amount: Callable[[Any], tuple[str, int]] | None = None
    warning: str = ""


@dataclass(frozen=True)
class Result:
    """What became, or would become, of one row: `said` in words; `refused` if nothing was done."""

    row: Model
    address: str
    cells: tuple[object, ...]
    said: str
    refused: bool = False


class DecidingAdmin(RoleAdmin):
    """Rows that finance and admin decide about by action."""

    list_per_page = MOST

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.may(request, DESK)

    def over_chosen(self, request: HttpRequest, queryset: QuerySet[Any], deed: Deed) -> HttpResponse | None:
        """The dry run with its form; posted with `apply` and a reason, the deed itself."""
        chosen = list(queryset.order_by("id")[: MOST + 1])
        if len(chosen) > MOST:
            self.message_user(request, f"Choose {MOST} rows at most. Nothing was changed.", messages.ERROR)
            return None
        form, actor = ReasonForm(request.POST if "apply" in request.POST else None), signed_in(request)
        decided = form.is_valid()
        run, reason = (command, form.cleaned_data["reason"]) if decided else (rehearsed, "dry run")
        results = [self._result(run, row, deed, actor, reason) for row in chosen]
        if decided:
            for result in results:
                if not result.refused:
                    self.log_change(request, result.row, f"By action: {result.said}")
        return self._page(request, results, None if decided else form, deed)

    def _result(
        self, run: Callable[[Callable[[], str]], str], row: Model, deed: Deed, actor: User, reason: str
    ) -> Result:
        """Each row in a transaction of its own: what one is refused does not stop the next."""
        refused = False
        try:
            said = run(lambda: deed.work(row, actor, reason))
        except DomainError as refusal:
            said, refused = f"refused: {refusal} ({refusal.code})", True
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        return Result(row, address, deed.cells(row), said, refused)

    def _page(self, request: HttpRequest, results: list[Result], form: ReasonForm | None, deed: Deed) -> HttpResponse:
        request.current_app = self.admin_site.name
        done = [result.row for result in results if not result.refused]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": deed.title,
            "deed": deed,
            "form": form,
            "results": results,
            "possible": len(done),
            "totals": _totals(map(deed.amount, done)) if deed.amount else None,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/escrow/decide.html", context)


def _totals(amounts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Sum what is not refused, each currency by itself."""
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return sorted(sums.items())
