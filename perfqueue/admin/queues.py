"""Queues: their state, their settings within bounds, and the actions that pause and resume them; strikes."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts.backoffice import BACK_OFFICE_ROLES, Action, ActionAdmin, RoleAdmin, person_filter, register_related
from accounts.models import STAFF_ROLES, SUPPORT_ROLES, Role, User
from perfqueue import services
from perfqueue.models import PerformerQueue, Strike

SETTINGS = (*services.BOUNDS, "abandon_policy")
STATE = ("is_open", "is_paused", "presence", "seen_at")

register_related("perfqueue.performerqueue", "Items", "perfqueue.queueitem")
register_related("perfqueue.performerqueue", "Strikes", "perfqueue.strike")


class SettingsForm(forms.ModelForm):
    """A queue's settings, with the API's bounds."""

    class Meta:
        model = PerformerQueue
        fields = SETTINGS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (low, high) in services.BOUNDS.items():
            if name in self.fields:
                self.fields[name] = forms.IntegerField(
                    min_value=low,
                    max_value=high,
                    label=self.fields[name].label,
                    help_text=f"{low} to {high}",
                    widget=UnfoldAdminIntegerFieldWidget,
                )


def _pause(row: PerformerQueue, actor: User, reason: str) -> str:
    services.pause_queue(performer_id=row.pk, actor=actor)
    return "paused: nobody new, countdowns stand still"


def _resume(row: PerformerQueue, actor: User, reason: str) -> str:
    services.resume_queue(performer_id=row.pk, actor=actor)
    return "goes on with the time that was left"


def _cells(row: PerformerQueue) -> tuple[object, ...]:
    return (row.performer, "open" if row.is_open else "closed", "paused" if row.is_paused else "running")


COLUMNS = ("Performer", "Line", "Now")
PAUSE = Action(
    name="pause_chosen",
    title="Pause lines",
    button="Pause",
    possible="lines can be paused",
    done="lines paused",
    columns=COLUMNS,
    cells=_cells,
    execute=_pause,
    prepare=lambda row: services.expire_due(row.pk),
)
RESUME = Action(
    name="resume_chosen",
    title="Resume lines",
    button="Resume",
    possible="lines can go on",
    done="lines go on",
    columns=COLUMNS,
    cells=_cells,
    execute=_resume,
    prepare=lambda row: services.expire_due(row.pk),
)


@admin.register(PerformerQueue)
class PerformerQueueAdmin(ActionAdmin):
    """A performer changes her own settings; support pauses and resumes any queue."""

    view_roles = BACK_OFFICE_ROLES
    change_roles = frozenset({Role.ADMIN, Role.PERFORMER})
    action_roles = SUPPORT_ROLES
    owner_path = "performer"
    form = SettingsForm
    actions = ("pause_chosen", "resume_chosen")
    list_display = ("performer", *STATE, *SETTINGS)
    list_filter = ("is_open", "is_paused", "presence", person_filter("performer"))
    list_select_related = ("performer",)
    fields = ("performer", *STATE, *SETTINGS)
    readonly_fields = ("performer", *STATE)
    person_fields = ("performer",)
    ordering = ("performer",)

    def before_change(self, request: HttpRequest, object_id: str) -> None:
        row = self.get_object(request, object_id)
        if row is not None and self.has_change_permission(request, row):
            services.Gate.of_performers([row.pk]).before_command()

    def save_model(self, request: HttpRequest, obj: PerformerQueue, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in SETTINGS if name in form.changed_data}
        if changed:
            services.configure(performer_id=obj.pk, **changed)

    @admin.action(description="Pause the chosen lines…", permissions=["act"])
    def pause_chosen(self, request: HttpRequest, queryset: QuerySet[PerformerQueue]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("performer"), PAUSE)

    @admin.action(description="Let the chosen lines go on…", permissions=["act"])
    def resume_chosen(self, request: HttpRequest, queryset: QuerySet[PerformerQueue]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("performer"), RESUME)


@admin.register(Strike)
class StrikeAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "performer", "item_id", "cause")
    list_filter = (person_filter("performer"),)
    list_select_related = ("performer",)
    id_fields = ("pk", "performer", "item")
    person_fields = ("performer",)
    ordering = ("-id",)
