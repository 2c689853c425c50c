"""Actions over queue items. Refund, split and resolve become a run; starting out of turn is one command per item."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts import backoffice
from accounts.models import User
from core.db import command
from core.dispatch import request_run
from core.errors import DomainError
from core.fields import MAX_AMOUNT
from perfqueue import services
from perfqueue.models import QueueItem, Run

COLUMNS = ("Title", "Performer", "User", "State", "Held")
log = structlog.get_logger()


class SplitForm(backoffice.ReasonForm):
    """How much of each item is paid to its performer; the rest is refunded."""

    settle = forms.IntegerField(
        label="Paid to the performer, from each item",
        help_text="Tokens. What is left of an item goes back to its buyer.",
        min_value=1,
        max_value=MAX_AMOUNT,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    field_order = ("settle", "reason")


@dataclass(frozen=True, kw_only=True)
class RunText(backoffice.ActionText):
    """An action that becomes a run. `result` is a row's result in the preview."""

    run_action: services.RunAction
    result: str
    form_class: type[backoffice.ReasonForm] = backoffice.ReasonForm


REFUND = RunText(
    name="refund_items",
    title="Refund items",
    button="Refund",
    possible="items can be refunded",
    done="items refunded",
    columns=COLUMNS,
    result="refunded",
    run_action=services.RunAction.REFUND,
)
RESOLVE = RunText(
    name="resolve_items",
    title="End reviews in the performers' favour",
    button="Pay out",
    possible="items are under review and can be paid in full",
    done="items paid",
    columns=COLUMNS,
    result="paid in full",
    run_action=services.RunAction.RESOLVE,
    warning="To give back what is under review, refund it.",
)
SPLIT = RunText(
    name="split_items",
    title="Split items",
    button="Split",
    possible="items are on stage or under review and can be split",
    done="items split",
    columns=COLUMNS,
    result="split",
    run_action=services.RunAction.SPLIT,
    form_class=SplitForm,
)


def cells(item: QueueItem) -> tuple[object, ...]:
    return (item.title, item.performer or "none", item.user, item.state, f"{item.tokens} {item.currency}")


def _start(item: QueueItem, actor: User, reason: str) -> str:
    services.start(item_id=item.pk, actor=actor, reason=reason)
    return "on stage; those ahead of it keep their places"


START = backoffice.Action(
    name="start_items",
    title="Start out of turn",
    button="Start",
    possible="items can be started now",
    done="items started",
    columns=COLUMNS,
    cells=cells,
    execute=_start,
    prepare=lambda item: services.expire_due(item.performer_id) if item.performer_id else None,
)


class RunPage(backoffice.ActionPage):
    """An action that becomes a run: a short one is worked on here, a long one in the background."""

    def __init__(
        self, model_admin: backoffice.ActionAdmin, request: HttpRequest, text: RunText, items: QuerySet[QueueItem]
    ) -> None:
        super().__init__(model_admin, request, text.title)
        self.text, self.form_class = text, text.form_class
        self.ids = list(items.order_by("id").values_list("id", flat=True)[: services.MAX_RUN_ITEMS + 1])
        self.is_short = len(self.ids) <= backoffice.MAX_SELECTED_ROWS

    def context(self) -> dict[str, Any]:
        return {"action_text": self.text, "has_amounts": self.form_class is SplitForm}

    def preview(self, form: forms.Form) -> backoffice.Preview:
        settle = form.cleaned_data.get("settle") if form.is_bound else None
        previewed = services.preview(item_ids=self.ids, action=self.text.run_action, settle=settle)
        possible = [each for each in previewed if each.code is None]
        items = QueueItem.objects.select_related("performer", "user").in_bulk(self.ids[: backoffice.MAX_SELECTED_ROWS])
        results = [
            self._result(items[each.item_id], each.code, settle)
            for each in previewed[: backoffice.MAX_SELECTED_ROWS]
            if each.item_id in items
        ]
        return backoffice.Preview(
            results=results,
            possible=len(possible),
            selected=len(self.ids),
            totals=_totals([each.tokens for each in possible], settle),
            hidden=backoffice.same_rows(items.values())
            if self.is_short
            else [(ACTION_CHECKBOX_NAME, self.ids[0]), ("select_across", "1"), ("seen", self._digest())],
        )

    def apply(self, form: forms.Form) -> HttpResponse:
        """Open the run, work on a short one, and go to its page. A long one must concern the items previewed."""
        if not self.is_short and self.request.POST.get("seen") != self._digest():
            messages.warning(self.request, "Other items match now than before. Look again.")
            return self.render(form, self.preview(form))
        run = command(
            lambda: services.open_run(
                action=self.text.run_action, item_ids=self.ids, actor=self.actor, **form.cleaned_data
            )
        )
        if not self.is_short or not _is_worked_here(run):
            request_run(services.WORK_TASK)
        return HttpResponseRedirect(reverse("admin:perfqueue_run_change", args=[run.pk]))

    def _result(self, item: QueueItem, code: str | None, settle: int | None) -> backoffice.RowResult:
        text = self.text.result if settle is None else f"{settle} paid, {item.tokens - settle} back"
        text = f"refused: {code}" if code else text
        return backoffice.RowResult(item, self.model_admin.address_of(item), cells(item), text, is_refused=bool(code))

    def _digest(self) -> str:
        """Identify the set of items: those that match the list's filters may change between preview and run."""
        return hashlib.sha256(b"".join(each.bytes for each in self.ids)).hexdigest()[:32]


def _is_worked_here(run: Run) -> bool:
    """Work on a short run; return False if workers must do the rest."""
    try:
        return services.work_runs(run_id=run.pk, at_most=backoffice.MAX_SELECTED_ROWS) == run.total
    except (DomainError, DatabaseError):
        log.exception("run_not_worked_here", run=str(run.pk))
        return False


def _totals(tokens: Sequence[int], settle: int | None) -> list[tuple[str, int]]:
    """Return what the possible items hold; for a split, its two parts."""
    held = backoffice.sums_by_currency(("TOKEN", each) for each in tokens)
    if settle is None or not held:
        return held
    paid = settle * len(tokens)
    return [("TOKEN paid", paid), ("TOKEN given back", held[0][1] - paid)]
