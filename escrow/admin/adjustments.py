"""Actions of staff on one wallet or operation: the wallets before and after, then one keyed command."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

import accounts.services
from accounts.backoffice import ActionAdmin, ReasonForm, RowPage
from core import idempotency
from core.db import rehearsed, translated
from core.fields import MAX_AMOUNT
from core.ids import new_id
from escrow.models import Wallet
from escrow.services.approvals import Decision


class KeyedForm(ReasonForm):
    """`key` is made with the form: sent twice, it is executed once."""

    key = forms.RegexField(rf"\A{idempotency.KEY_PATTERN}\Z", widget=forms.HiddenInput)


class AmountForm(KeyedForm):
    amount = forms.IntegerField(min_value=1, max_value=MAX_AMOUNT, widget=UnfoldAdminIntegerFieldWidget)
    field_order = ("amount", "reason")


@dataclass(frozen=True)
class Adjustment:
    """`name` is the scope of its keys; `service` takes the form's fields; `wallets` are those it may change."""

    name: str
    title: str
    form_class: type[KeyedForm]
    service: Callable[..., Decision]
    wallets: "QuerySet[Wallet]"


@dataclass(frozen=True)
class WalletPreview:
    """Wallets as they are before and after, and whether a second person must approve."""

    wallets: list[tuple[str, Wallet]]
    needs_approval: bool


class AdjustmentPage(RowPage):
    """An adjustment of one row; afterwards its operation's page, or that of its approval."""

    template = "admin/escrow/adjustment.html"
    steps_up = True

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest, row: Model, adjustment: Adjustment) -> None:
        super().__init__(model_admin, request, adjustment.title)
        self.row, self.adjustment, self.form_class = row, adjustment, adjustment.form_class

    def initial(self) -> dict[str, Any]:
        return {"key": str(new_id())}

    def context(self) -> dict[str, Any]:
        return {"row": self.row, "limit": settings.FOUR_EYES_TOKENS}

    def preview(self, form: forms.Form) -> WalletPreview:
        def work() -> WalletPreview:
            before = list(self.adjustment.wallets.order_by("id"))
            decision = self.adjustment.service(**_without_key(form), actor=self.actor)
            pairs = zip(before, self.adjustment.wallets.order_by("id"), strict=True)
            wallets = [row for old, new in pairs for row in (("before", old), ("after", new))]
            return WalletPreview(wallets, needs_approval=decision.approval is not None)

        return rehearsed(work)

    def apply(self, form: forms.Form) -> HttpResponse:
        """Execute the adjustment once for this key, with its audit row in the same transaction."""
        data = _without_key(form)
        command: dict[str, Any] = {
            "caller": self.actor.pk,
            "operation": f"backoffice.{self.adjustment.name}",
            "key": form.cleaned_data["key"],
            "fingerprint": idempotency.fingerprint_of("POST", self.request.path, data),
        }
        with translated():
            first = idempotency.replay(**command)
        answer = first or idempotency.once(**command, work=lambda: self._execute(data), render=_ids)
        ids = json.loads(answer.body)
        if ids["approvalId"]:
            text, model, pk = "A second person must approve it; nothing has moved.", "approval", ids["approvalId"]
        else:
            text, model, pk = "Done.", "operation", ids["operationId"]
        messages.success(self.request, f"{self.title}. {text}")
        return HttpResponseRedirect(reverse(f"admin:escrow_{model}_change", args=[pk]))

    def _execute(self, data: dict[str, Any]) -> Decision:
        accounts.services.use_step_up(self.actor, self.code)
        decision = self.adjustment.service(**data, actor=self.actor)
        made = f"approval {decision.approval.pk}" if decision.approval else f"operation {decision.operation_id}"
        self.model_admin.log_change(self.request, self.row, f"{self.title}: {made}")
        return decision


def _without_key(form: forms.Form) -> dict[str, Any]:
    return {name: value for name, value in form.cleaned_data.items() if name not in ("key", "code")}


def _ids(decision: Decision) -> dict[str, Any]:
    return {"operationId": decision.operation_id, "approvalId": decision.approval.pk if decision.approval else None}
