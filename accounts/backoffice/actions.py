"""Actions of staff: a page with a form and a preview, then one command per row with its audit row, or a run.

`ActionPage` answers one request. `RowsPage` executes an `Action` over selected rows; apps derive theirs from
`ActionPage` (many rows at once) and `RowPage` (one row, at an address of its own).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts import services
from accounts.backoffice.lists import RoleAdmin
from accounts.backoffice.permissions import NO_ROLES
from accounts.backoffice.roles import signed_in
from accounts.errors import StepUpRequired
from accounts.models import User
from core.db import command, rehearsed
from core.errors import DomainError

MAX_SELECTED_ROWS = 50


class ReasonForm(forms.Form):
    """The reason for executing an action."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


def code_field() -> forms.CharField:
    """Return the field of a step-up. It is checked by `ActionPage`, since a preview needs no code."""
    widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})
    text = "The code that your authenticator shows now."
    return forms.CharField(label="Code", max_length=20, required=False, widget=widget, help_text=text)


@dataclass(frozen=True, kw_only=True)
class ActionText:
    """Name and text of an action. `possible` and `done` end the sentence "2 of 3 …"; `columns` head the rows' cells."""

    name: str
    title: str
    button: str
    possible: str
    done: str
    columns: tuple[str, ...]
    warning: str = ""


@dataclass(frozen=True, kw_only=True)
class Action(ActionText):
    """What an action does to each row.

    `execute` calls one service in the open transaction and returns the result as text; it raises the service's
    refusals. `prepare` runs before it, committed on its own. `cells` are the row's columns; `amount` is its part of
    the totals, with its currency. `steps_up`: it needs a code of the second factor.
    """

    steps_up: bool = False
    cells: Callable[[Any], tuple[object, ...]]
    execute: Callable[[Any, User, str], str]
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
    """The first results, for how many of the selected rows the action is possible, and the totals of these, if any.

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

    def address_of(self, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def over_selected(self, request: HttpRequest, queryset: QuerySet[Any], action: Action) -> HttpResponse | None:
        """Answer a request for an action over at most ``MAX_SELECTED_ROWS`` rows."""
        rows = list(queryset.order_by("pk")[: MAX_SELECTED_ROWS + 1])
        if len(rows) > MAX_SELECTED_ROWS:
            text = f"Choose {MAX_SELECTED_ROWS} rows at most. Nothing was changed."
            self.message_user(request, text, messages.ERROR)
            return None
        return RowsPage(self, request, action, rows).response()


class ActionPage(ABC):
    """The page of an action over selected rows: the preview beside the form; posted with `apply`, the action.

    With `steps_up`, in production, `apply` needs a current code of the second factor too.
    """

    template = "admin/rows_action.html"
    form_class: type[forms.Form] = ReasonForm
    steps_up = False

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest, title: str) -> None:
        self.model_admin, self.request, self.title = model_admin, request, title
        self.actor = signed_in(request)

    @abstractmethod
    def preview(self, form: forms.Form) -> Any:
        """Return what the action would do now, for the template. `form` may be unbound or invalid."""

    @abstractmethod
    def apply(self, form: forms.Form) -> HttpResponse:
        """Execute the action with a valid form."""

    def context(self) -> dict[str, Any]:
        """Return what else the template shows."""
        return {}

    def response(self) -> HttpResponse:
        is_sent = {"apply", "preview"} & set(self.request.POST)
        form = self.form(self.request.POST if is_sent else None)
        if form.is_valid() and "apply" in self.request.POST and self.has_stepped_up(form):
            return self.apply(form)
        return self.render(form, self.preview(form))

    def form(self, data: Any, **options: Any) -> forms.Form:
        """Return the form, with the field of the step-up if there is one."""
        form = self.form_class(data, **options)
        if self.steps_up and not settings.RELAXED:
            form.fields["code"] = code_field()
        return form

    def has_stepped_up(self, form: forms.Form) -> bool:
        """Check the code before any transaction; note on the form what is wrong."""
        if not self.steps_up:
            return True
        try:
            services.assert_step_up(self.actor, self.code)
        except StepUpRequired as refusal:
            form.add_error("code", str(refusal))
            return False
        return True

    @property
    def code(self) -> str:
        """The code of the step-up, which `apply` uses up in its transaction."""
        return self.request.POST.get("code", "")

    def render(self, form: forms.Form | None, preview: Any) -> HttpResponse:
        context = {"form": form, "preview": preview, **self.context()}
        return self.model_admin.page(self.request, self.template, self.title, **context)


class RowPage(ActionPage):
    """The page of an action on one row: the form; then the preview, fields hidden; posted with `apply`, the action.

    `again` returns from the preview to the form. A refusal is shown with the form.
    """

    def initial(self) -> dict[str, Any]:
        return {}

    def add_refusal(self, form: forms.Form, refusal: DomainError) -> None:
        form.add_error(None, f"{refusal} ({refusal.code}). Nothing was changed.")

    def response(self) -> HttpResponse:
        form, preview = self.form(self.request.POST or None, initial=self.initial()), None
        if form.is_valid() and "again" not in self.request.POST:
            try:
                if "apply" in self.request.POST and self.has_stepped_up(form):
                    return self.apply(form)
                preview = self.preview(form)
            except DomainError as refusal:
                self.add_refusal(form, refusal)
        return self.render(form, preview)


class RowsPage(ActionPage):
    """An `Action` over rows, each by itself: a refusal of one does not stop the next."""

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest, action: Action, rows: Sequence[Model]) -> None:
        super().__init__(model_admin, request, action.title)
        self.action, self.rows, self.steps_up = action, rows, action.steps_up

    def context(self) -> dict[str, Any]:
        return {"action_text": self.action}

    def preview(self, form: forms.Form) -> Preview:
        return self._results(lambda row: rehearsed(partial(self.action.execute, row, self.actor, "dry run")))

    def apply(self, form: forms.Form) -> HttpResponse:
        if self.steps_up:
            try:
                command(partial(services.use_step_up, self.actor, self.code))
            except StepUpRequired as refusal:  # somebody was faster with the same code
                form.add_error("code", str(refusal))
                return self.render(form, self.preview(form))
        return self.render(None, self._results(partial(self._execute, form.cleaned_data["reason"])))

    def _execute(self, reason: str, row: Model) -> str:
        """Run one command for one row, with its audit row in the same transaction."""

        def work() -> str:
            text = self.action.execute(row, self.actor, reason)
            self.model_admin.log_change(self.request, row, f"By action: {text}. Reason: {reason}")
            return text

        return command(work, before=partial(self.action.prepare, row) if self.action.prepare else None)

    def _results(self, execute: Callable[[Model], str]) -> Preview:
        results = [self._result(row, execute) for row in self.rows]
        possible = [result.row for result in results if not result.is_refused]
        return Preview(
            results=results,
            possible=len(possible),
            selected=len(results),
            totals=sums_by_currency(map(self.action.amount, possible)) if self.action.amount else None,
            hidden=same_rows(self.rows),
        )

    def _result(self, row: Model, execute: Callable[[Model], str]) -> RowResult:
        is_refused = False
        try:
            text = execute(row)
        except DomainError as refusal:
            text, is_refused = f"refused: {refusal} ({refusal.code})", True
        return RowResult(row, self.model_admin.address_of(row), self.action.cells(row), text, is_refused)


def same_rows(rows: Iterable[Model]) -> list[tuple[str, object]]:
    """Return the form fields that select exactly these rows."""
    return [(ACTION_CHECKBOX_NAME, row.pk) for row in rows]


def sums_by_currency(amounts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return sorted(sums.items())
