"""Service accounts in the back office."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.backoffice import RoleAdmin
from accounts.models import STAFF_ROLES, Role, ServiceAccount, User


@admin.register(ServiceAccount)
class ServiceAccountAdmin(RoleAdmin):
    """What another feature may do over the API; set by admins."""

    view_roles = STAFF_ROLES
    add_roles = change_roles = frozenset({Role.ADMIN})
    list_display = ("user", "features", "scopes", "cap_per_user_day")
    list_select_related = ("user",)
    fields = ("user", "features", "scopes", "cap_per_user_day")
    person_fields = ("user",)
    ordering = ("pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user",) if obj is not None else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(
            db_field, request, **{**kwargs, "queryset": User.objects.filter(role=Role.SERVICE)}
        )
