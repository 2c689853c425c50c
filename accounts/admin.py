"""People in the back office: read-only. No password hash is shown, and an e-mail address only to support and admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.backoffice import RoleAdmin, RoleInline, signed_in
from accounts.models import STAFF_ROLES, SUPPORT_ROLES, PerformerProfile, Role, ServiceAccount, User


class ProfileInline(RoleInline):
    model = PerformerProfile
    view_roles = STAFF_ROLES
    fields = readonly_fields = ("display_name", "tagline", "poster", "fee_bps")


@admin.register(User)
class UserAdmin(RoleAdmin):
    """`owner_path`: where a form of another model offers people, a performer is offered only herself."""

    view_roles = STAFF_ROLES
    owner_path = "id"
    inlines = (ProfileInline,)
    person_fields = ("pk",)
    list_display = ("username", "role", "is_active", "verified_at", "terms_version", "created_at", "last_login")
    list_filter = ("role", "is_active", ("verified_at", admin.EmptyFieldListFilter))
    ordering = ("-id",)
    search_help_text = "An id or an exact user name"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        address = ("email",) if signed_in(request).role in SUPPORT_ROLES else ()
        return ("id", *self.list_display, *address)


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
