"""Message templates in the back office: every key, all versions of its text, and the form for the next. And the outbox.

No row is edited: a new text is a new version, previewed with example variables before it is saved.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.backoffice import ActionAdmin, RoleAdmin, RowPage, exact_filter, person_filter
from accounts.models import STAFF_ROLES, User
from core.db import command
from core.errors import DomainError, ValidationFailed
from live import services
from live.models import EventRow, MessageTemplate
from live.templates import EVENT_TYPES, MAX_TEMPLATE_CHARS, fill


class TemplateForm(forms.Form):
    """The next text of a key. The service checks it; the browser only limits its length."""

    text = forms.CharField(
        label="Words",
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "maxlength": MAX_TEMPLATE_CHARS}),
    )


class Versions(admin.SimpleListFilter):
    """The versions in force, or all versions."""

    title, parameter_name = "versions", "versions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All, also those before")]

    def choices(self, changelist: Any) -> Any:
        now, *others = super().choices(changelist)
        yield {**now, "display": "Current words"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[MessageTemplate]) -> QuerySet[MessageTemplate]:
        if self.value() == "all":
            return queryset
        newest = MessageTemplate.objects.filter(key=OuterRef("key")).order_by("-version").values("pk")[:1]
        return queryset.filter(pk=Subquery(newest))


class EditPage(RowPage):
    """The next version of a key's text, previewed with example variables."""

    template, form_class = "admin/live/edit_template.html", TemplateForm

    def __init__(self, model_admin: ActionAdmin, request: HttpRequest, newest: MessageTemplate) -> None:
        super().__init__(model_admin, request, f"New words for {newest.key}")
        self.newest, self.example = newest, EVENT_TYPES[newest.key].example

    def initial(self) -> dict[str, Any]:
        return {"text": self.newest.text}

    def context(self) -> dict[str, Any]:
        return {
            "newest": self.newest,
            "next_version": self.newest.version + 1,
            "current_message": fill(self.newest.text, self.example),
            "examples": self.example,
        }

    def preview(self, form: forms.Form) -> str:
        return services.preview(key=self.newest.key, text=form.cleaned_data["text"])

    def apply(self, form: forms.Form) -> HttpResponse:
        key, text = self.newest.key, form.cleaned_data["text"]

        def work() -> MessageTemplate:
            made = services.edit_template(key=key, text=text, actor=self.actor)
            self.model_admin.log_addition(self.request, made, f"{key}: version {made.version}.")
            return made

        made = command(work)
        messages.success(self.request, f"{key} has new words, version {made.version}.")
        return HttpResponseRedirect(self.model_admin.address_of(made))

    def add_refusal(self, form: forms.Form, refusal: DomainError) -> None:
        if isinstance(refusal, ValidationFailed):
            form.add_error("text", refusal.details["text"])
        else:
            super().add_refusal(form, refusal)


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ActionAdmin):
    view_roles = STAFF_ROLES
    action_roles = services.EDITOR_ROLES
    actions_detail = actions_row = ("edit_template",)
    list_display = ("key", "text", "version", "created_at", "written_by")
    list_filter = (Versions,)
    search_fields = ("key", "text")
    search_help_text = "A part of a key or of its words"
    fields = ("key", "version", "text", "created_at", "written_by")
    readonly_fields = ("written_by",)
    ordering = ("key", "-version")
    change_form_outer_before_template = "admin/live/history.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageTemplate]:
        author = User.objects.filter(pk=OuterRef("author")).values("username")[:1]
        found: QuerySet[MessageTemplate] = super().get_queryset(request)
        return found.annotate(author_name=Subquery(author))

    @admin.display(description="written by")
    def written_by(self, template: Any) -> str:
        return template.author_name or (str(template.author) if template.author else "shipped with the product")

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        versions = self._versions(request, row.key) if row is not None else ()
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "versions": versions})

    @action(description="New words…", url_path="edit-template", permissions=["act"])
    def edit_template(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if row.key not in EVENT_TYPES:
            raise Http404
        return EditPage(self, request, self._versions(request, row.key)[0]).response()

    def _versions(self, request: HttpRequest, key: str) -> list[MessageTemplate]:
        """Every version of a key, newest first."""
        return list(self.get_queryset(request).filter(key=key).order_by("-version"))


@admin.register(EventRow)
class EventAdmin(RoleAdmin):
    """The outbox of the last day. A search for an id finds the events of an item; filter by room first."""

    view_roles = STAFF_ROLES
    list_display = ("id", "at", "key", "variables", "room", "recipient", "request_id")
    list_filter = (
        person_filter("room", title="room of"),
        exact_filter("key", title="template key"),
        exact_filter("request_id", parameter="request", title="request id"),
    )
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[EventRow], search_term: str
    ) -> tuple[QuerySet[EventRow], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(variables__itemId=str(UUID(term))), False
        except ValueError:
            return queryset.none(), False
