"""The machine's switch in the back office: its return, and opening it again when that has closed it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action

from accounts.backoffice import ActionAdmin, ReasonForm, RoleAdmin, RowPage, exact_filter
from accounts.models import STAFF_ROLES, User
from core.db import command
from escrow.errors import ApprovalClosed
from slots import services
from slots.admin.paytables import OptionalReasonForm
from slots.models import Game, Look, Reopening


@dataclass(frozen=True, kw_only=True)
class ReopeningStep:
    """A step towards opening the machine. `waits`: whether a request must wait for it, or none may."""

    button: str
    done: str
    warning: str
    waits: bool
    execute: Callable[[Reopening | None, str, User], Reopening]
    form_class: type[forms.Form] = ReasonForm


def _ask(_: Reopening | None, reason: str, actor: User) -> Reopening:
    return services.ask_reopening(reason=reason, actor=actor)


def _approve(waiting: Reopening | None, reason: str, actor: User) -> Reopening:
    return services.decide_reopening(reopening_id=_id_of(waiting), approved=True, reason=reason, actor=actor)


def _reject(waiting: Reopening | None, reason: str, actor: User) -> Reopening:
    return services.decide_reopening(reopening_id=_id_of(waiting), approved=False, reason=reason, actor=actor)


def _id_of(waiting: Reopening | None) -> UUID:
    """Return the id of the request. Raises ApprovalClosed: somebody decided it since the page was opened."""
    if waiting is None:
        raise ApprovalClosed
    return waiting.pk


ASK = ReopeningStep(
    button="Ask to open",
    done="You asked to open the machine. A second person must approve it.",
    warning="The machine stays closed until a second person approves.",
    waits=False,
    execute=_ask,
)
APPROVE = ReopeningStep(
    button="Approve opening",
    done="The machine is open; its return is counted anew.",
    warning="The next spin is played. The return is counted anew from it.",
    waits=True,
    execute=_approve,
    form_class=OptionalReasonForm,
)
REJECT = ReopeningStep(
    button="Reject opening",
    done="The request is rejected. The machine stays closed.",
    warning="The machine stays closed.",
    waits=True,
    execute=_reject,
)


class ReopeningPage(RowPage):
    """One step, with what is known of the return beside the form."""

    template = "admin/slots/reopening.html"

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest, game: Game, step: ReopeningStep) -> None:
        super().__init__(model_admin, request, step.button)
        self.game, self.step, self.form_class = game, step, step.form_class
        self.waiting = services.waiting_reopenings().first()

    def context(self) -> dict[str, Any]:
        return {"step": self.step, "game": self.game, **page_of(self.request, self.waiting)}

    def preview(self, form: forms.Form) -> None:
        """There is none: the page shows all that is decided about."""

    def apply(self, form: forms.Form) -> HttpResponse:
        reason = form.cleaned_data["reason"]

        def work() -> None:
            self.step.execute(self.waiting, reason, self.actor)
            self.model_admin.log_change(self.request, self.game, f"{self.step.button}. {reason}".strip())

        command(work)
        messages.success(self.request, self.step.done)
        return HttpResponseRedirect(self.model_admin.address_of(self.game))


def page_of(request: HttpRequest, waiting: Reopening | None) -> dict[str, Any]:
    """What both pages show: the active paytable's return and the request that waits."""
    is_asker = waiting is not None and waiting.asked_by_id == request.user.pk
    return {"returned": services.returns(), "waiting": waiting, "is_asker": is_asker}


@admin.register(Game)
class GameAdmin(ActionAdmin):
    view_roles = STAFF_ROLES
    action_roles = services.PAYTABLE_ROLES
    actions_detail = ("ask_reopening", "approve_reopening", "reject_reopening")
    list_display = ("code", "enabled", "closed_by_drift_at", "changed_at")
    change_form_outer_before_template = "admin/slots/game.html"

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        more = page_of(request, services.waiting_reopenings().first())
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @action(description="Ask to open…", url_path="ask-reopening", permissions=["ask"])
    def ask_reopening(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return ReopeningPage(self, request, self.row_or_404(request, object_id), ASK).response()

    @action(description="Approve opening…", url_path="approve-reopening", permissions=["decide"])
    def approve_reopening(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return ReopeningPage(self, request, self.row_or_404(request, object_id), APPROVE).response()

    @action(description="Reject opening…", url_path="reject-reopening", permissions=["decide"])
    def reject_reopening(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return ReopeningPage(self, request, self.row_or_404(request, object_id), REJECT).response()

    def has_ask_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_step(request, object_id, ASK)

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_step(request, object_id, APPROVE)

    def _may_step(self, request: HttpRequest, object_id: Any, step: ReopeningStep) -> bool:
        """Offer a step to who may take it, where the machine is closed by its return."""
        if not self.may(request, self.action_roles):
            return False
        game = self.get_object(request, str(object_id)) if object_id is not None else None
        if game is None:
            return True
        return game.closed_by_drift_at is not None and services.waiting_reopenings().exists() == step.waits


@admin.register(Reopening)
class ReopeningAdmin(RoleAdmin):
    """Requests to open the machine and what was decided; decided on the page of the game."""

    view_roles = STAFF_ROLES
    list_display = ("asked_at", "asked_by", "reason", "approved", "decided_by", "decided_at", "decision_reason")
    list_select_related = ("asked_by", "decided_by")
    id_fields = ("pk", "asked_by")
    ordering = ("-id",)


@admin.register(Look)
class LookAdmin(RoleAdmin):
    """Each look at a paytable's return."""

    view_roles = STAFF_ROLES
    list_display = ("at", "digest_hex", "spins", "staked", "paid", "z_text", "verdict")
    list_filter = (exact_filter("verdict"),)
    fields = ("at", "digest_hex", "counted_from", "spins", "staked", "paid", "z_text", "verdict")
    readonly_fields = ("digest_hex", "z_text")
    ordering = ("-id",)

    @admin.display(description="paytable digest")
    def digest_hex(self, look: Look) -> str:
        return bytes(look.paytable_digest).hex()

    @admin.display(description="z")
    def z_text(self, look: Look) -> str:
        return f"{look.z:+.2f}"
