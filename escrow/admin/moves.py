"""One movement of money on an address of its own: what is asked, what it would change, then doing it once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts.backoffice import ReasonForm, RoleAdmin, signed_in
from accounts.models import User
from core import idempotency
from core.db import rehearsed, translated
from core.errors import DomainError
from core.ids import new_id
from escrow.models import Wallet
from escrow.services.approvals import Decision

MOST = 1_000_000_000


class UndoForm(ReasonForm):
    """`key` is made with the form: sent twice, it is done once."""

    key = forms.RegexField(r"\A[A-Za-z0-9_-]{8,128}\Z", widget=forms.HiddenInput)


class AmountForm(UndoForm):
    amount = forms.IntegerField(min_value=1, max_value=MOST, widget=UnfoldAdminIntegerFieldWidget)
    field_order = ("amount", "reason")


@dataclass(frozen=True)
class Move:
    """`name` is the scope of its keys; `wish` calls the service; `wallets` are those it may change."""

    name: str
    title: str
    form: type[UndoForm]
    wish: Callable[[dict[str, Any], User], Decision]
    wallets: "QuerySet[Wallet]"


@dataclass(frozen=True)
class Foreseen:
    """What would happen now: wallets before and after, and whether a second person is needed."""

    rows: list[tuple[Wallet, Wallet]]
    awaits: bool


def answer(model_admin: RoleAdmin, request: HttpRequest, row: Model, move: Move) -> HttpResponse:
    """The form; posted, the dry run with the form; posted with `apply`, the movement, and back to the row."""
    form, foreseen = move.form(request.POST or None, initial={"key": str(new_id())}), None
    if form.is_valid():
        try:
            if "apply" in request.POST:
                return _done(model_admin, request, row, move, form.cleaned_data)
            foreseen = _foreseen(move, form.cleaned_data, signed_in(request))
        except DomainError as refusal:
            form.add_error(None, f"{refusal} ({refusal.code}). Nothing was changed.")
    request.current_app = model_admin.admin_site.name
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "row": row,
        "title": move.title,
        "form": form,
        "foreseen": foreseen,
        "limit": settings.FOUR_EYES_TOKENS,
    }
    return TemplateResponse(request, "admin/escrow/move.html", context)


def _foreseen(move: Move, said: dict[str, Any], actor: User) -> Foreseen:
    def work() -> Foreseen:
        before = list(move.wallets.order_by("id"))
        decision = move.wish(said, actor)
        rows = zip(before, move.wallets.order_by("id"), strict=True)
        return Foreseen(list(rows), awaits=decision.approval is not None)

    return rehearsed(work)


def _done(
    model_admin: RoleAdmin, request: HttpRequest, row: Model, move: Move, said: dict[str, Any]
) -> HttpResponseRedirect:
    actor = signed_in(request)
    facts = {name: value for name, value in said.items() if name != "key"}
    asked: dict[str, Any] = {
        "caller": actor.pk,
        "operation": f"backoffice.{move.name}",
        "key": said["key"],
        "fingerprint": idempotency.fingerprint_of("POST", request.path, facts),
    }
    with translated():
        first = idempotency.replay(**asked)
    told = first or idempotency.once(**asked, work=lambda: move.wish(said, actor), render=_ids)
    body = json.loads(told.body)
    if body["approvalId"]:
        done, where = "A second person must approve it; nothing has moved.", ("approval", body["approvalId"])
    else:
        done, where = "Done.", ("operation", body["operationId"])
    if not told.replayed:
        model_admin.log_change(request, row, f"{move.title}: {where[0]} {where[1]}")
    messages.success(request, f"{move.title}. {done}")
    return HttpResponseRedirect(reverse(f"admin:escrow_{where[0]}_change", args=[where[1]]))


def _ids(decision: Decision) -> dict[str, Any]:
    return {
        "operationId": decision.operation_id,
        "approvalId": decision.approval.pk if decision.approval else None,
    }
