"""People in the back office: an administrator adds, deactivates and reactivates them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.forms import BaseUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

import accounts.services
import perfqueue.services
from accounts.backoffice import Action, PeopleAdmin
from accounts.models import Role, User
from core.errors import ValidationFailed
from xxxchat.people import create_person


class PersonForm(BaseUserCreationForm):
    """Django's form for a new user, with role and stage name. The password is a first one."""

    display_name = forms.CharField(
        label="Stage name",
        max_length=80,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Performers only. Empty: the user name.",
    )

    class Meta:
        model = User
        fields = ("username", "role", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


def _deactivate(row: User, actor: User, reason: str) -> str:
    changed = perfqueue.services.deactivate(user_id=row.pk, actor=actor)
    return "deactivated: signed out, a queue closed and refunded" if changed else "was deactivated already"


def _reactivate(row: User, actor: User, reason: str) -> str:
    return "may sign in again" if accounts.services.reactivate(row.pk) else "was active already"


def _cells(row: User) -> tuple[object, ...]:
    return (row.username, row.role, "active" if row.is_active else "deactivated")


COLUMNS = ("Name", "Role", "Now")
DEACTIVATE = Action(
    name="deactivate_chosen",
    title="Deactivate people",
    button="Deactivate",
    possible="people can be deactivated",
    done="people deactivated",
    warning="They are signed out everywhere. A performer's queue is closed and everybody in it is refunded.",
    columns=COLUMNS,
    cells=_cells,
    execute=_deactivate,
    prepare=lambda row: perfqueue.services.expire_due(row.pk),
)
REACTIVATE = Action(
    name="reactivate_chosen",
    title="Reactivate people",
    button="Reactivate",
    possible="people can be reactivated",
    done="people reactivated",
    warning="They may sign in again with the password they had. A performer's queue stays closed.",
    columns=COLUMNS,
    cells=_cells,
    execute=_reactivate,
)


def _erase(row: User, actor: User, reason: str) -> str:
    asked = accounts.services.ask_erasure(user_id=row.pk, actor=actor, reason=reason)
    return "will be erased once nothing is open" if asked else "was to be erased already"


ERASE = Action(
    name="erase_chosen",
    title="Erase people",
    button="Erase",
    possible="people can be erased",
    done="people will be erased",
    warning="At their own request only. Names, e-mail, date of birth and notes go for good; ids and money stay. It"
    " waits for what is open; until then the person can call it off.",
    columns=COLUMNS,
    cells=_cells,
    execute=_erase,
)


@admin.register(User)
class PersonAdmin(PeopleAdmin):
    add_roles = action_roles = frozenset({Role.ADMIN})
    actions = ("deactivate_chosen", "reactivate_chosen", "erase_chosen")

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": PersonForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("username", "role", "display_name", "email", "password1", "password2")
        return super().get_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return super().get_inlines(request, obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        if change:
            raise ValidationFailed(form=["People are not changed here."])  # nobody has change_roles
        typed = form.cleaned_data
        obj.pk = create_person(
            username=obj.username,
            password=typed["password1"],
            role=Role(obj.role),
            display_name=typed["display_name"],
            email=obj.email,
        ).pk
        obj._state.adding = False

    @admin.action(description="Deactivate the chosen people…", permissions=["act"])
    def deactivate_chosen(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        return self.over_selected(request, queryset, DEACTIVATE)

    @admin.action(description="Reactivate the chosen people…", permissions=["act"])
    def reactivate_chosen(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        return self.over_selected(request, queryset, REACTIVATE)

    @admin.action(description="Erase the chosen people, at their request…", permissions=["act"])
    def erase_chosen(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        return self.over_selected(request, queryset, ERASE)
