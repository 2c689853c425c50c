"""People in the back office. No password hash is shown, and an e-mail address only to support and admin.

The composition root registers a subclass that also adds and deactivates people, which concerns other apps.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.backoffice.actions import ActionAdmin
from accounts.backoffice.lists import RoleInline
from accounts.backoffice.roles import signed_in
from accounts.models import STAFF_ROLES, SUPPORT_ROLES, PerformerProfile


class ProfileInline(RoleInline):
    model = PerformerProfile
    view_roles = STAFF_ROLES
    fields = readonly_fields = ("display_name", "tagline", "poster", "fee_bps")


class PeopleAdmin(ActionAdmin):
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
        return ("id", *self.list_display, "must_change_password", *address)
