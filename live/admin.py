"""Message templates in the back office: every key, all versions of its text, and the form for the next. And the outbox.

No row is edited: a new text is a new version, previewed with example variables before it is saved.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.backoffice import ExactFilter, PersonFilter, RoleAdmin, signed_in
from accounts.models import STAFF_ROLES, User
from core.db import command
from core.errors import ValidationFailed
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


@admin.register(MessageTemplate)
class MessageTemplateAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
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

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if object_id is not None else None
        versions = self._versions(request, row.key) if row is not None else ()
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "versions": versions})

    def has_edit_template_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, services.EDITOR_ROLES)

    @action(description="New words…", url_path="edit-template", permissions=["edit_template"])
    def edit_template(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form; on POST a preview; on POST with `apply` write the next version."""
        row = self.get_object(request, object_id)
        if row is None or row.key not in EVENT_TYPES:
            raise Http404
        newest = self._versions(request, row.key)[0]
        form, preview = TemplateForm(request.POST or None, initial={"text": newest.text}), None
        if form.is_valid() and "again" not in request.POST:
            text = form.cleaned_data["text"]
            try:
                if "apply" in request.POST:
                    return self._saved(request, row.key, text)
                preview = services.preview(key=row.key, text=text)
            except ValidationFailed as refusal:
                form.add_error("text", refusal.details["text"])
        return self._page(request, newest, form, preview)

    def _saved(self, request: HttpRequest, key: str, text: str) -> HttpResponse:
        actor = signed_in(request)
        made = command(lambda: services.edit_template(key=key, text=text, actor=actor))
        self.log_addition(request, made, f"{key}: version {made.version}.")
        self.message_user(request, f"{key} has new words, version {made.version}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:live_messagetemplate_change", args=[made.pk]))

    def _page(
        self, request: HttpRequest, newest: MessageTemplate, form: TemplateForm, preview: str | None
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        example = EVENT_TYPES[newest.key].example
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"New words for {newest.key}",
            "newest": newest,
            "next_version": newest.version + 1,
            "now_says": fill(newest.text, example),
            "preview": preview,
            "form": form,
            "examples": example,
        }
        return TemplateResponse(request, "admin/live/edit_template.html", context)

    def _versions(self, request: HttpRequest, key: str) -> list[MessageTemplate]:
        """Every version of a key, newest first."""
        return list(self.get_queryset(request).filter(key=key).order_by("-version"))


class Room(PersonFilter):
    title, parameter_name, lookup = "room of (name or id)", "room", "room"


class Key(ExactFilter):
    title, parameter_name, lookup = "template key", "key", "key"


class Request(ExactFilter):
    title, parameter_name, lookup = "request id", "request", "request_id"


@admin.register(EventRow)
class EventAdmin(RoleAdmin):
    """The outbox of the last day. A search for an id finds the events of an item; filter by room first."""

    view_roles = STAFF_ROLES
    list_display = ("id", "at", "key", "variables", "room", "recipient", "request_id")
    list_filter = (Room, Key, Request)
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
