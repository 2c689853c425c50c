"""Actions over selected rows: a dry run with totals, a reason, then one command and one result per row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.backoffice.lists import RoleAdmin
from accounts.backoffice.permissions import NO_ROLES
from accounts.backoffice.roles import signed_in
from accounts.models import User
from core.db import command, rehearsed
from core.errors import DomainError

MAX_SELECTED_ROWS = 50


class ReasonForm(forms.Form):
    """Why somebody carries out an action."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


@dataclass(frozen=True)
class ActionText:
    """Name and text of an action. `possible` and `done` end the sentence "2 of 3 …"; `columns` head the rows' cells."""

    name: str
    title: str
    button: str
    possible: str
    done: str
    columns: tuple[str, ...]
    warning: str = ""


@dataclass(frozen=True)
class Action(ActionText):
    """What an action does to each row.

    `execute` calls one service in the open transaction and returns the result as text; it raises the service's
    refusals. `prepare` runs before it, committed on its own. `cells` are the row's columns; `amount` is its part of
    the totals, with its currency.
    """

    cells: Callable[[Any], tuple[object, ...]] = lambda row: ()
    execute: Callable[[Any, User, str], str] = lambda row, actor, reason: ""
    prepare: Callable[[Any], object] | None = None
    amount: Callable[[Any], tuple[str, int]] | None = None


@dataclass(frozen=True)
class RowResult:
    """What happened, or would happen, to one row."""

    row: Model
    address: str
    cells: tuple[object, ...]
    text: str
    is_refused: bool = False


@dataclass(frozen=True)
class Preview:
    """Results of the rows shown, for how many of how many the action is possible, and the totals of those, if any.

    `hidden` are the form fields that select the same rows again.
    """

    results: Sequence[RowResult]
    possible: int
    selected: int
    totals: Sequence[tuple[str, int]] | None = None
    hidden: Sequence[tuple[str, object]] = ()


class ActionAdmin(RoleAdmin):
    """Rows with actions, for `action_roles`."""

    action_roles: frozenset[str] = NO_ROLES
    list_per_page = MAX_SELECTED_ROWS

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.action_roles)

    def over_selected(self, request: HttpRequest, queryset: QuerySet[Any], action: Action) -> HttpResponse | None:
        """Show the dry run with its form; posted with `apply` and a reason, execute the action and show the results."""
        rows = list(queryset.order_by("pk")[: MAX_SELECTED_ROWS + 1])
        if len(rows) > MAX_SELECTED_ROWS:
            self.message_user(request, f"Choose {MAX_SELECTED_ROWS} rows at most. Nothing was changed.", messages.ERROR)
            return None
        form, actor = ReasonForm(request.POST if "apply" in request.POST else None), signed_in(request)
        if form.is_valid():
            execute, shown = partial(self._executed, request, action, actor, form.cleaned_data["reason"]), None
        else:
            execute, shown = partial(_rehearsed, action, actor), form
        return self.action_page(
            request, action, _preview([self._result(row, action, execute) for row in rows], action), shown
        )

    def _executed(self, request: HttpRequest, action: Action, actor: User, reason: str, row: Model) -> str:
        """Run one command for one row, with its audit row in the same transaction."""

        def work() -> str:
            text = action.execute(row, actor, reason)
            self.log_change(request, row, f"By action: {text}. Reason: {reason}")
            return text

        return command(work, before=partial(action.prepare, row) if action.prepare else None)

    def address_of(self, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def action_page(
        self, request: HttpRequest, action: ActionText, preview: Preview, form: forms.Form | None
    ) -> HttpResponse:
        """Show the rows and their results; with a form, what would happen to them."""
        return self.page(request, "admin/action.html", action.title, action_text=action, form=form, preview=preview)

    def _result(self, row: Model, action: Action, execute: Callable[[Model], str]) -> RowResult:
        """Each row by itself: a refusal of one does not stop the next."""
        is_refused = False
        try:
            text = execute(row)
        except DomainError as refusal:
            text, is_refused = f"refused: {refusal} ({refusal.code})", True
        return RowResult(row, self.address_of(row), action.cells(row), text, is_refused)


def _rehearsed(action: Action, actor: User, row: Model) -> str:
    return rehearsed(lambda: action.execute(row, actor, "dry run"))


def same_rows(rows: Iterable[Model]) -> list[tuple[str, object]]:
    """Return the form fields that select exactly these rows."""
    return [(ACTION_CHECKBOX_NAME, row.pk) for row in rows]


def sums_by_currency(amounts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return sorted(sums.items())


def _preview(results: Sequence[RowResult], action: Action) -> Preview:
    possible = [result.row for result in results if not result.is_refused]
    return Preview(
        results=results,
        possible=len(possible),
        selected=len(results),
        totals=sums_by_currency(map(action.amount, possible)) if action.amount else None,
        hidden=same_rows(result.row for result in results),
    )
