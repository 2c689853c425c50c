"""Age checks in the back office: the queue, one case beside it, and what was decided."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.backoffice import ActionAdmin, ReasonForm, RoleAdmin, exact_filter, person_filter, signed_in
from accounts.models import STAFF_ROLES, SUPPORT_ROLES
from compliance.calendar import age_at
from compliance.models import AgeCase, AgeDecision
from compliance.models.ages import AgeState
from compliance.models.places import MIN_AGE
from compliance.services.age_queue import age_figures, policies_of
from compliance.services.ages import EARLIEST_BIRTH, AlreadyDecided, age_cases, decide_age
from core.db import command
from core.errors import DomainError
from core.fields import UUID_TEXT

ROWS, DECIDED_ROWS = 8, 5
WHY = {
    "new": "Nobody was asked yet",
    "asked": "Asked for a person",
    "unsure": "Provider unsure",
    "no_answer": "Provider did not answer",
}


class DecisionForm(ReasonForm):
    date_of_birth = forms.DateField(
        label="Date of birth on the document",
        required=False,
        input_formats=["%Y-%m-%d"],
        help_text="YYYY-MM-DD, only if it differs. The old one stays in the audit.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "as given"}),
    )
    field_order = ("date_of_birth", "reason")

    def clean_date_of_birth(self) -> date | None:
        born: date | None = self.cleaned_data["date_of_birth"]
        if born is not None and born < EARLIEST_BIRTH:
            raise forms.ValidationError("Not a date of birth.")
        return born


@admin.register(AgeCase)
class AgeCaseAdmin(ActionAdmin):
    """Cases are decided on the page of the queue, one at a time."""

    view_roles = STAFF_ROLES
    action_roles = SUPPORT_ROLES
    actions_list = ("queue",)
    list_display = ("id", "user_short", "state", "why", "region", "opened_at", "decided_at", "decided_by")
    list_filter = ("state", "why", person_filter("user"))
    list_select_related = ("decided_by",)
    fields = ("user_short", "state", "why", "region", "opened_at", "decided_at", "decided_by", "provider_answer")
    readonly_fields = ("user_short",)
    id_fields = ("pk", "user")
    person_fields = ("user",)
    ordering = ("-id",)

    @admin.display(description="user")
    def user_short(self, case: AgeCase) -> str:
        return short(case.user_id)

    @action(description="Age checks", url_path="queue", permissions=["act"])
    def queue(self, request: HttpRequest) -> HttpResponse:
        """Show the queue and one case; on POST, decide the case and go on to the next."""
        case = _case(request)
        form = DecisionForm(request.POST if request.method == "POST" else None)
        if case is not None and form.is_bound and form.is_valid() and self._decide(request, case, form):
            return HttpResponseRedirect(request.path)
        waiting = list(age_cases().filter(state=AgeState.PENDING).order_by("opened_at", "id")[: ROWS + 1])
        case = case or (waiting[0] if waiting else None)
        policies = policies_of([each.region for each in [*waiting, *([case] if case else [])]])
        figures = age_figures()
        return self.page(
            request,
            "admin/compliance/ages.html",
            "Age checks",
            figures=figures,
            median=_span(figures.median_s),
            oldest=_waited(figures.oldest_at, figures.now),
            waiting=[_row(each, figures.now, policies) for each in waiting[:ROWS]],
            more=len(waiting) > ROWS,
            decided=[(short(each.user_id), each) for each in AgeDecision.objects.order_by("-id")[:DECIDED_ROWS]],
            case=_row(case, figures.now, policies) if case else None,
            earlier=list(AgeDecision.objects.filter(user=case.user_id).order_by("-id")[:DECIDED_ROWS]) if case else [],
            form=form,
        )

    def _decide(self, request: HttpRequest, case: AgeCase, form: forms.Form) -> bool:
        """Decide a case that waits, with its audit row; return whether the next one is to be shown."""
        verified = "verify" in request.POST

        def work() -> AgeCase:
            decided = decide_age(
                user_id=case.user_id,
                verified=verified,
                actor=signed_in(request),
                only_waiting=case.state == AgeState.PENDING or "waiting" in request.POST,
                **form.cleaned_data,
            )
            self.log_change(request, decided, f"{decided.state}. Reason: {form.cleaned_data['reason']}")
            return decided

        try:
            decided = command(work)
        except AlreadyDecided as first:
            text = (
                f"{first.case.decided_by or 'The provider'} {first.case.state} this at {first.case.decided_at:%H:%M}."
            )
            messages.warning(request, text)
            return True
        except DomainError as refusal:
            faults = refusal.details.get("dateOfBirth", [f"{refusal} ({refusal.code})"])
            form.add_error("date_of_birth", faults)
            return False
        messages.success(request, f"{short(case.user_id)} {decided.state}. Undo is a new decision with a reason.")
        return True


@admin.register(AgeDecision)
class AgeDecisionAdmin(RoleAdmin):
    """All decisions, newest first."""

    view_roles = STAFF_ROLES
    list_display = ("at", "user_short", "outcome", "by", "actor", "reason", "policy_version")
    list_filter = (
        exact_filter("outcome"),
        exact_filter("by"),
        person_filter("user"),
        person_filter("actor", title="decided by"),
    )
    list_select_related = ("actor",)
    fields = ("at", "user_short", "outcome", "by", "actor", "reason", "policy_version")
    readonly_fields = ("user_short",)
    id_fields = ("pk", "user", "actor")
    person_fields = ("user", "actor")
    ordering = ("-id",)

    @admin.display(description="user")
    def user_short(self, decision: AgeDecision) -> str:
        return short(decision.user_id)


def short(user_id: UUID) -> str:
    """Return the end of an id, enough to tell the people on one page apart."""
    return f"u-{user_id.hex[-6:]}"


def _case(request: HttpRequest) -> AgeCase | None:
    """Return the case that the request names, if there is one."""
    named = request.POST.get("case") or request.GET.get("case") or ""
    return age_cases().filter(pk=named).first() if UUID_TEXT.match(named) else None


def _row(case: AgeCase, now: datetime, policies: dict[str | None, Any]) -> dict[str, Any]:
    """Return what the page shows of a case: no name, e-mail or picture."""
    policy, born = policies.get(case.region), case.user.date_of_birth
    return {
        "pk": case.pk,
        "short": short(case.user_id),
        "state": case.state,
        "waits": _waited(case.opened_at, now),
        "why": WHY[case.why],
        "born": born,
        "age": age_at(born, now) if born else None,
        "minimum": policy.minimum_age if policy else MIN_AGE,
        "region": case.region,
        "policy": policy.number if policy else None,
        "provider": case.provider_answer,
        "did_not_answer": case.why == "no_answer",
        "reference": case.provider_reference,
        "since": case.user.created_at,
        "terms": case.user.terms_version,
    }


def _waited(since: datetime | None, now: datetime) -> str:
    return _span((now - since).total_seconds()) if since else ""


def _span(seconds: float | None) -> str:
    """Return a span in hours and minutes, as `3 h 10 min`; a dash for none."""
    if seconds is None:
        return "–"
    hours, minutes = divmod(max(0, int(seconds)) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
