"""The gates' refusals in the back office: read only."""

from django.contrib import admin

from accounts.backoffice import ExactFilter, PersonFilter, RoleAdmin
from accounts.models import STAFF_ROLES
from compliance.models import Refusal


class Person(PersonFilter):
    title, parameter_name, lookup = "user (name or id)", "user", "user"


class Gate(ExactFilter):
    title, parameter_name, lookup = "gate", "gate", "gate"


class Code(ExactFilter):
    title, parameter_name, lookup = "code", "code", "code"


@admin.register(Refusal)
class RefusalAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "user", "feature", "gate", "code", "policy_version")
    list_filter = (Person, Gate, Code)
    list_select_related = ("user",)
    id_fields = ("pk", "user")
    person_fields = ("user",)
    search_help_text = "An id or an exact user name"
    ordering = ("-id",)
