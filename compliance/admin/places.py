"""Policies of regions in the back office: a new version is added, none is changed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.backoffice import RoleAdmin, exact_filter, signed_in
from accounts.models import STAFF_ROLES, Role
from compliance.locators import region_text
from compliance.models import PolicyVersion
from compliance.services.places import set_policy


class PolicyForm(forms.ModelForm):
    class Meta:
        model = PolicyVersion
        fields = ("region", "slots", "wheel", "minimum_age", "reason")

    def clean_region(self) -> str:
        region = region_text(self.cleaned_data["region"])
        if region is None:
            raise forms.ValidationError("1 to 40 printable characters without a comma.")
        return region


@admin.register(PolicyVersion)
class PolicyVersionAdmin(RoleAdmin):
    """A region's policy is its row with the largest number; adding one is the change, in force at once."""

    view_roles = STAFF_ROLES
    add_roles = frozenset({Role.GAMES, Role.ADMIN})
    form = PolicyForm
    list_display = ("number", "region", "slots", "wheel", "minimum_age", "reason", "author", "at")
    list_filter = (exact_filter("region"),)
    list_select_related = ("author",)
    id_fields = ("pk", "author")
    person_fields = ("author",)
    ordering = ("-number",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return PolicyForm.Meta.fields if obj is None else (*PolicyForm.Meta.fields, "number", "author", "at")

    def save_model(self, request: HttpRequest, obj: PolicyVersion, form: Any, change: bool) -> None:
        made = set_policy(**form.cleaned_data, author=signed_in(request))
        obj.pk, obj.number, obj.author, obj.at = made.pk, made.number, made.author, made.at
