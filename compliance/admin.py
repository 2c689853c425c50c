"""The gates' refusals in the back office: read only."""

from django.contrib import admin

from accounts.backoffice import STAFF_ROLES, RoleAdmin
from compliance.models import Refusal


@admin.register(Refusal)
class RefusalAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "user", "feature", "gate", "code", "policy_version")
    list_filter = ("feature", "gate", "code")
    search_fields = ("=user__username", "=code")
    list_select_related = ("user",)
    ordering = ("-id",)
