"""Events of RedRoomRewards in the back office: read-only, without their bodies."""

from django.contrib import admin

from accounts.backoffice import RoleAdmin, exact_filter, person_filter
from loyalty.models import WebhookEvent
from loyalty.services.overview import READERS


@admin.register(WebhookEvent)
class WebhookEventAdmin(RoleAdmin):
    """Every event once. `note`: how a link here differs from the one there, for a person to look at."""

    view_roles = READERS
    list_display = ("received_at", "type", "user", "handled", "note", "event_id")
    list_filter = (exact_filter("type"), exact_filter("note"), "handled", person_filter("user"))
    list_select_related = ("user",)
    fields = ("event_id", "type", "user", "received_at", "handled", "due_at", "note")
    id_fields = ("pk", "user")
    search_fields = ("=event_id",)
    person_fields = ("user",)
    ordering = ("-id",)
