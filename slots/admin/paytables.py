"""Paytables in the back office: a form for new rules, each one's figures, and its steps with a reason."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from rest_framework.serializers import ValidationError as NotAShare
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.backoffice import ActionAdmin, ReasonForm, RowPage
from accounts.models import STAFF_ROLES
from core.db import command
from core.errors import DomainError, InvalidJson
from core.parsing import MAX_BODY_BYTES, loads
from slots import services
from slots.admin.reviews import MOST_NAMED, ask, in_words, requests_of
from slots.admin.sheets import sheet_of
from slots.draw import MalformedTable, parse
from slots.errors import RtpMismatch
from slots.fields import Share
from slots.models import Paytable, PaytableStatus

DISCARDED = "Discarded"


class DraftForm(forms.Form):
    """The rules as a file or as text, alone or in a paytable file; and the return they are said to have."""

    file = forms.FileField(required=False, label="File", widget=UnfoldAdminFileFieldWidget)
    text = forms.CharField(
        required=False,
        label="Or paste it",
        max_length=MAX_BODY_BYTES,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "spellcheck": "false"}),
    )
    declared = forms.CharField(
        label="Declared return",
        help_text='As an exact share: "19/20" or "0.95".',
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_declared(self) -> Any:
        try:
            return Share().run_validation(self.cleaned_data["declared"])
        except NotAShare as error:
            raise forms.ValidationError('An exact share is needed: "19/20" or "0.95".') from error

    def clean(self) -> dict[str, Any]:
        """Read the rules into `table`. An error names the line, or the member, that is wrong."""
        given = super().clean() or {}
        if self.errors:
            return given
        file = given.get("file")
        raw = file.read(MAX_BODY_BYTES + 1) if file else given["text"].encode()
        where = "file" if file else "text"
        if not raw.strip() or len(raw) > MAX_BODY_BYTES:
            self.add_error(where, "A file of rules, 1 MiB at most, or their text is needed.")
            return given
        try:
            rules = loads(raw)
            given["table"] = parse(rules["table"] if isinstance(rules, dict) and "table" in rules else rules)
        except InvalidJson as error:
            self.add_error(where, _json_fault(error))
        except MalformedTable as error:
            self.add_error(where, f"{error}.")
        return given


def _json_fault(error: InvalidJson) -> str:
    cause = error.__cause__
    if isinstance(cause, json.JSONDecodeError):
        return f"Line {cause.lineno}, column {cause.colno}: {cause.msg}."
    return "This is no JSON that can be read: UTF-8, no member twice, no NaN, 32 levels at most."


class DraftPage(RowPage):
    """The form for new rules. Sent, they are computed and stored; nobody plays by them before two more steps."""

    template, form_class = "admin/slots/draft.html", DraftForm

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest) -> None:
        super().__init__(model_admin, request, "New paytable")

    def response(self) -> HttpResponse:
        if self.request.method != "POST":
            return self.render(DraftForm(), None)
        form = DraftForm(self.request.POST, self.request.FILES)
        if form.is_valid():
            try:
                return self.apply(form)
            except DomainError as refusal:
                self.add_refusal(form, refusal)
        return self.render(form, None)

    def preview(self, form: forms.Form) -> None:
        """There is none: the figures are on the page of what was stored."""

    def apply(self, form: forms.Form) -> HttpResponse:
        table, declared = form.cleaned_data["table"], form.cleaned_data["declared"]

        def work() -> Paytable:
            made = services.draft(table=table, declared_rtp=declared, actor=self.actor)
            self.model_admin.log_addition(self.request, made, f"Drafted, return {made.declared_rtp}.")
            return made

        made = command(work)
        messages.success(self.request, f"{made} is computed. A second person must approve it.")
        return HttpResponseRedirect(self.model_admin.address_of(made))

    def add_refusal(self, form: forms.Form, refusal: DomainError) -> None:
        for each in refusal.details.get("table", ()):
            form.add_error(None, each)
        if "table" not in refusal.details:
            super().add_refusal(form, refusal)
        if isinstance(refusal, RtpMismatch):
            form.add_error("declared", f"The rules return {refusal.details['computedRtp']}; 3/4 to 1 is allowed.")


class OptionalReasonForm(ReasonForm):
    """A step that needs no reason may have one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


@dataclass(frozen=True)
class Step:
    """A step of a paytable: the statuses it may be taken from, and what it leads to."""

    button: str
    done: str
    statuses: tuple[PaytableStatus, ...]
    service: Callable[..., Paytable]
    warning: str
    form_class: type[forms.Form] = OptionalReasonForm
    is_danger: bool = False

    def is_open_to(self, paytable: Paytable) -> bool:
        return paytable.status in self.statuses and not paytable.is_discarded


APPROVE = Step(
    "Approve", "approved", (PaytableStatus.COMPUTED,), services.approve, "Approving does not make it active."
)
ACTIVATE = Step(
    "Activate",
    "active",
    (PaytableStatus.APPROVED, PaytableStatus.RETIRED),
    services.activate,
    "The next spin is played by it, everywhere, without a restart.",
)
RETIRE = Step(
    "Retire",
    "retired",
    (PaytableStatus.ACTIVE,),
    services.retire,
    "Spins stop until another table is active.",
    ReasonForm,
)
DISCARD = Step(
    "Discard",
    "discarded",
    (PaytableStatus.COMPUTED, PaytableStatus.APPROVED),
    services.discard,
    "It stays in the list and in the audit, and can never be approved or activated again.",
    ReasonForm,
    is_danger=True,
)


class StepPage(RowPage):
    """A step of one paytable, with its figures beside the form."""

    template = "admin/slots/step.html"

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest, paytable: Paytable, step: Step) -> None:
        super().__init__(model_admin, request, f"{step.button} {paytable}")
        self.paytable, self.step, self.form_class = paytable, step, step.form_class

    def context(self) -> dict[str, Any]:
        return {"step": self.step, **page_of(self.paytable, self.request)}

    def preview(self, form: forms.Form) -> None:
        """There is none: the page shows all that is decided about."""

    def apply(self, form: forms.Form) -> HttpResponse:
        reason = form.cleaned_data["reason"]

        def work() -> Paytable:
            moved = self.step.service(paytable_id=self.paytable.pk, reason=reason, actor=self.actor)
            self.model_admin.log_change(self.request, moved, f"{self.step.button}: {self.step.done}. {reason}".strip())
            return moved

        moved = command(work)
        messages.success(self.request, f"{moved} is {self.step.done}.")
        return HttpResponseRedirect(self.model_admin.address_of(moved))


@dataclass(frozen=True)
class Station:
    """A status on the way of a paytable."""

    label: str
    is_done: bool
    is_current: bool


def page_of(paytable: Paytable, request: HttpRequest) -> dict[str, Any]:
    """What both pages of a paytable show."""
    return {
        "paytable": paytable,
        "digest": bytes(paytable.digest).hex(),
        "sheet": sheet_of(paytable),
        "path": _path(paytable),
        "waits": paytable.status in (PaytableStatus.COMPUTED, PaytableStatus.APPROVED),
        "others": _others(paytable) if paytable.status == PaytableStatus.COMPUTED else "",
        "requests": requests_of(paytable),
        "is_author": paytable.created_by_id is not None and paytable.created_by_id == request.user.pk,
    }


def _path(paytable: Paytable) -> list[Station]:
    """The way of a paytable; that of a discarded one ends where it was discarded."""
    labels, at = PaytableStatus.labels, PaytableStatus.values.index(paytable.status)
    if paytable.is_discarded:
        at = 2 if paytable.approved_at is None else 3
        labels = [*labels[:at], DISCARDED]
    return [Station(label, place < at, place == at) for place, label in enumerate(labels)]


def _others(paytable: Paytable) -> str:
    """Who could approve this paytable, in words; empty if nobody could."""
    able = services.approvers_of(paytable).values_list("username", flat=True)
    return in_words(list(able[: MOST_NAMED + 1]))


@admin.register(Paytable)
class PaytableAdmin(ActionAdmin):
    view_roles = STAFF_ROLES
    action_roles = services.PAYTABLE_ROLES
    actions_list = ("draft_paytable",)
    actions_detail = (
        "download_paytable",
        "discard_paytable",
        "approve_paytable",
        "activate_paytable",
        "retire_paytable",
    )
    list_display = ("code", "version", "status_text", "declared_rtp", "created_by", "approved_by", "activated_at")
    list_select_related = ("created_by", "approved_by")
    list_filter = ("status",)
    fields = (
        *("code", "version", "status_text", "canonical", "declared_rtp", "par", "created_by", "created_at"),
        *("computed_at", "approved_by", "approved_at", "activated_at", "retired_at", "digest_hex"),
    )
    readonly_fields = ("status_text", "digest_hex")
    ordering = ("-id",)
    change_form_outer_before_template = "admin/slots/paytable.html"

    @admin.display(description="digest")
    def digest_hex(self, paytable: Paytable) -> str:
        return bytes(paytable.digest).hex()

    @admin.display(description="status", ordering="status")
    def status_text(self, paytable: Paytable) -> str:
        return DISCARDED if paytable.is_discarded else PaytableStatus(paytable.status).label

    def get_urls(self) -> list[Any]:
        address = path(
            "<path:object_id>/ask/", self.admin_site.admin_view(self.ask_for_review), name="slots_paytable_ask"
        )
        return [address, *super().get_urls()]

    def ask_for_review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the others who may approve to look at it: a button of its page, without a page of its own."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return ask(self, request, self.row_or_404(request, object_id))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        more = {"steps": services.steps_of(row.pk), **page_of(row, request)} if row is not None else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @action(description="New paytable…", url_path="draft", permissions=["act"])
    def draft_paytable(self, request: HttpRequest) -> HttpResponse:
        return DraftPage(self, request).response()

    @action(description="JSON", url_path="json")
    def download_paytable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The rules with their digest and sheet, in the form of the shipped files; a draft can be made of it."""
        row = self.row_or_404(request, object_id)
        file = {"table": json.loads(row.canonical), "canonicalSha256": bytes(row.digest).hex(), "par": row.par}
        answer = HttpResponse(json.dumps(file, indent=2, ensure_ascii=False), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="paytable-{row.pk}.json"'
        return answer

    @action(description="Discard…", url_path="discard", permissions=["discard"])
    def discard_paytable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return StepPage(self, request, self.row_or_404(request, object_id), DISCARD).response()

    @action(description="Approve…", url_path="approve", permissions=["approve"])
    def approve_paytable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return StepPage(self, request, self.row_or_404(request, object_id), APPROVE).response()

    @action(description="Activate…", url_path="activate", permissions=["activate"])
    def activate_paytable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return StepPage(self, request, self.row_or_404(request, object_id), ACTIVATE).response()

    @action(description="Retire…", url_path="retire", permissions=["retire"])
    def retire_paytable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return StepPage(self, request, self.row_or_404(request, object_id), RETIRE).response()

    def has_approve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_step(request, obj, APPROVE)

    def has_discard_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_step(request, obj, DISCARD)

    def has_activate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_step(request, obj, ACTIVATE)

    def has_retire_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_step(request, obj, RETIRE)

    def _may_step(self, request: HttpRequest, object_id: Any, step: Step) -> bool:
        """Offer a step to who may take it, where the paytable's status allows it."""
        if not self.may(request, self.action_roles):
            return False
        row = self.get_object(request, str(object_id)) if object_id is not None else None
        return row is None or step.is_open_to(row)
