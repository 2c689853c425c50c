"""What users have set for themselves, in the back office: read-only."""

from django.contrib import admin

from accounts.backoffice import RoleAdmin, person_filter
from accounts.models import STAFF_ROLES
from compliance.models import Break, Limit, LimitChange


@admin.register(Break)
class BreakAdmin(RoleAdmin):
    """Time-outs and self-exclusions; nobody can shorten one."""

    view_roles = STAFF_ROLES
    list_display = ("from_at", "user", "kind", "duration", "until", "is_inherited")
    list_filter = ("kind", person_filter("user"))
    list_select_related = ("user",)
    id_fields = ("pk", "user")
    person_fields = ("user",)
    ordering = ("-id",)


@admin.register(Limit)
class LimitAdmin(RoleAdmin):
    """Spending limits in force, and what waits to be confirmed."""

    view_roles = STAFF_ROLES
    list_display = ("user", "currency", "window", "amount", "since", "is_pending", "pending_amount", "effective_at")
    list_filter = ("currency", "window", "is_pending", person_filter("user"))
    list_select_related = ("user",)
    id_fields = ("pk", "user")
    person_fields = ("user",)
    ordering = ("-id",)


@admin.register(LimitChange)
class LimitChangeAdmin(RoleAdmin):
    """Each step of a limit."""

    view_roles = STAFF_ROLES
    list_display = ("at", "user", "currency", "window", "kind", "old", "new", "actor")
    list_filter = ("kind", "currency", person_filter("user"))
    list_select_related = ("user",)
    id_fields = ("pk", "user")
    person_fields = ("user",)
    ordering = ("-id",)
