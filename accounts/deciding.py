"""Doing something to chosen rows in the back office: a dry run first, a reason, one command and one result per row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.backoffice import NOBODY, ReasonForm, RoleAdmin, signed_in
from accounts.models import User
from core.db import command, rehearsed
from core.errors import DomainError

MOST = 50


@dataclass(frozen=True)
class Words:
    """An action's words. `could` and `did` end the sentence "2 of 3 …"; `columns` head the rows' cells."""

    action: str
    title: str
    button: str
    could: str
    did: str
    columns: tuple[str, ...]
    warning: str = ""


@dataclass(frozen=True)
class Deed(Words):
    """What an action does to each row.

    `work` calls the one service in the open transaction and says what became of the row; it raises the service's
    refusals. `before` runs ahead of it, committed on its own. `cells` are the row's columns; `amount` its part of the
    totals, with its currency.
    """

    cells: Callable[[Any], tuple[object, ...]] = lambda row: ()
    work: Callable[[Any, User, str], str] = lambda row, actor, reason: ""
    before: Callable[[Any], object] | None = None
    amount: Callable[[Any], tuple[str, int]] | None = None


@dataclass(frozen=True)
class Result:
    """What became, or would become, of one row: `said` in words; `refused` if nothing was done."""

    row: Model
    address: str
    cells: tuple[object, ...]
    said: str
    refused: bool = False


@dataclass(frozen=True)
class Outlook:
    """A page about chosen rows: those shown, how many of how many, what they come to (None: no sum is told).

    `hidden` is what the form sends along to mean the same rows again.
    """

    results: Sequence[Result]
    possible: int
    of: int
    totals: Sequence[tuple[str, int]] | None = None
    hidden: Sequence[tuple[str, object]] = ()


class DecidingAdmin(RoleAdmin):
    """Rows about which `decide_roles` decide by action."""

    decide_roles: frozenset[str] = NOBODY
    list_per_page = MOST

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.decide_roles)

    def over_chosen(self, request: HttpRequest, queryset: QuerySet[Any], deed: Deed) -> HttpResponse | None:
        """The dry run with its form; posted with `apply` and a reason, the deed itself."""
        chosen = list(queryset.order_by("pk")[: MOST + 1])
        if len(chosen) > MOST:
            self.message_user(request, f"Choose {MOST} rows at most. Nothing was changed.", messages.ERROR)
            return None
        form, actor = ReasonForm(request.POST if "apply" in request.POST else None), signed_in(request)
        if form.is_valid():
            do, asked = partial(self._done, request, deed, actor, form.cleaned_data["reason"]), None
        else:
            do, asked = partial(_foreseen, deed, actor), form
        return self.decide_page(request, deed, _outlook([self._result(row, deed, do) for row in chosen], deed), asked)

    def _done(self, request: HttpRequest, deed: Deed, actor: User, reason: str, row: Model) -> str:
        """One command for one row, and its audit row in the same transaction."""

        def work() -> str:
            said = deed.work(row, actor, reason)
            self.log_change(request, row, f"By action: {said}. Reason: {reason}")
            return said

        return command(work, before=partial(deed.before, row) if deed.before else None)

    def address_of(self, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def decide_page(self, request: HttpRequest, deed: Words, outlook: Outlook, form: forms.Form | None) -> HttpResponse:
        """The rows and their results; with a form, what would become of them."""
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": deed.title,
            "deed": deed,
            "form": form,
            "outlook": outlook,
        }
        return TemplateResponse(request, "admin/decide.html", context)

    def _result(self, row: Model, deed: Deed, do: Callable[[Model], str]) -> Result:
        """Each row by itself: what one is refused does not stop the next."""
        refused = False
        try:
            said = do(row)
        except DomainError as refusal:
            said, refused = f"refused: {refusal} ({refusal.code})", True
        return Result(row, self.address_of(row), deed.cells(row), said, refused)


def _foreseen(deed: Deed, actor: User, row: Model) -> str:
    return rehearsed(lambda: deed.work(row, actor, "dry run"))


def chosen_again(rows: Iterable[Model]) -> list[tuple[str, object]]:
    """The form fields that mean exactly these rows."""
    return [(ACTION_CHECKBOX_NAME, row.pk) for row in rows]


def summed(amounts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Each currency by itself."""
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return sorted(sums.items())


def _outlook(results: Sequence[Result], deed: Deed) -> Outlook:
    done = [result.row for result in results if not result.refused]
    return Outlook(
        results=results,
        possible=len(done),
        of=len(results),
        totals=summed(map(deed.amount, done)) if deed.amount else None,
        hidden=chosen_again(result.row for result in results),
    )
