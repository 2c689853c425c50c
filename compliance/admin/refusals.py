"""Refusals of the gates in the back office: read-only."""

from django.contrib import admin

from accounts.backoffice import RoleAdmin, exact_filter, person_filter
from accounts.models import STAFF_ROLES
from compliance.models import Refusal


@admin.register(Refusal)
class RefusalAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "user", "feature", "gate", "code", "policy_version")
    list_filter = (person_filter("user"), exact_filter("gate"), exact_filter("code"))
    list_select_related = ("user",)
    id_fields = ("pk", "user")
    person_fields = ("user",)
    search_help_text = "An id or an exact user name"
    ordering = ("-id",)
