"""The back office: who may enter Django admin, and who may see or touch which rows.

People are admitted by role: staff and performers. ``is_staff``, ``is_superuser``, groups and Django's permission rows
decide nothing here. Every admin class is a ``RoleAdmin``: nobody may do anything until a role is named, and a
performer sees only rows that ``owner_path`` leads to herself. Admin classes that packages bring along stay out.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm as PlainAuthenticationForm
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import cached_property
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import FINANCE, STAFF, SUPPORT, Role, User
from accounts.trails import trails_of
from core.db import translated
from core.errors import DomainError

if TYPE_CHECKING:  # django-unfold carries no types; its classes stand in for Django's, method by method
    from django.contrib.admin import AdminSite, ModelAdmin, SimpleListFilter, TabularInline
    from django.contrib.admin.forms import AdminAuthenticationForm

    TextFilter = SimpleListFilter
else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.contrib.filters.admin import TextFilter
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm
    from unfold.sites import UnfoldAdminSite as AdminSite

STAFF_ROLES: frozenset[str] = frozenset(STAFF)
BACK_OFFICE_ROLES = STAFF_ROLES | {Role.PERFORMER.value}
MOST_COUNTED = 10_000
NOBODY: frozenset[str] = frozenset()
SUPPORT_DESK: frozenset[str] = frozenset(SUPPORT)
FINANCE_DESK: frozenset[str] = frozenset(FINANCE)
# Alpine builds functions from strings, and the theme writes one <style> element; only /admin/ may do so.
POLICY = {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
}


def may_enter(user: User | AnonymousUser) -> bool:
    """Say whether this person has any business in the back office."""
    return isinstance(user, User) and user.is_active and user.role in BACK_OFFICE_ROLES


def signed_in(request: HttpRequest) -> User:
    """Return who is asking; the site has let nobody else this far."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def is_performer(request: HttpRequest) -> bool:
    """Say whether a performer is asking, who sees and touches her own rows only."""
    return signed_in(request).role == Role.PERFORMER


def policy(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give answers under the admin's address a Content-Security-Policy of their own (middleware)."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path_info.startswith(reverse("admin:index")):
            response._csp_replace = POLICY  # type: ignore[attr-defined]  # where csp.middleware looks
        return response

    return answer


class SignIn(AdminAuthenticationForm):
    """The admin's sign-in form: credentials go through every backend (lock-out included), then the role decides."""

    error_messages = {
        **PlainAuthenticationForm.error_messages,
        "invalid_login": "Enter the name and password of a staff or performer account. Both are case-sensitive.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        PlainAuthenticationForm.confirm_login_allowed(self, user)  # past the parent, which asks for is_staff
        if not may_enter(user):
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class BackOffice(AdminSite):
    """The one admin site. It registers only classes that decide by role."""

    login_form = SignIn

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def register(self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any) -> None:
        """Register a ``RoleAdmin``; leave out any class that asks Django's permission rows instead."""
        if admin_class is not None and issubclass(admin_class, ByRole):
            super().register(model_or_iterable, admin_class, **options)  # type: ignore[arg-type]  # RoleAdmin is both

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not request.GET.get("page", "1").isdecimal():  # the theme would stumble over it
            raise Http404
        found: HttpResponse = super().search(request, extra_context)  # type: ignore[misc]
        return found


class ByRole:
    """Answer Django admin's permission questions from the role, and from the owner of the row.

    Deny by default; ``view_roles`` alone means read-only. ``owner_path`` leads from a row to the performer it belongs
    to (``"menu__owner"``); without it no performer is let in, whatever the role lists say.
    """

    view_roles: frozenset[str] = NOBODY
    add_roles: frozenset[str] = NOBODY
    change_roles: frozenset[str] = NOBODY
    delete_roles: frozenset[str] = NOBODY
    owner_path: str | None = None

    def may(self, request: HttpRequest, roles: Iterable[str], obj: Model | None = None) -> bool:
        """Say whether the caller's role is among ``roles`` and, for a performer, whether the row is her own."""
        user = request.user
        if not isinstance(user, User) or not may_enter(user) or user.role not in roles:
            return False
        if user.role != Role.PERFORMER:
            return True
        return self.owner_path is not None and (obj is None or self.owner_id(obj) == user.pk)

    def owner_id(self, obj: Model) -> UUID | None:
        """Follow ``owner_path`` from a row to the performer's id."""
        *steps, last = str(self.owner_path).split("__")
        for step in steps:
            obj = getattr(obj, step)
        owner: UUID | None = getattr(obj, f"{last}_id")
        return owner

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.view_roles)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.view_roles, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.add_roles, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.change_roles, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.delete_roles, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Narrow every list, look-up, autocomplete and action of a performer to her own rows."""
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        if is_performer(request):
            return rows.filter(**{self.owner_path: request.user.pk}) if self.owner_path else rows.none()
        return rows if may_enter(request.user) else rows.none()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Let a form name only rows that its reader could open: a posted id of another owner's row is no choice."""
        related = self.admin_site._registry.get(db_field.remote_field.model)  # type: ignore[attr-defined]
        if related is not None:
            kwargs.setdefault("queryset", related.get_queryset(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class BoundedPaginator(Paginator):
    """Count at most ``MOST_COUNTED`` rows: a list of millions must open as fast as a short one."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows[:MOST_COUNTED].count()


def _any_of(fields: Iterable[str], value: UUID) -> Q:
    anywhere = Q()
    for field in fields:
        anywhere |= Q(**{field: value})
    return anywhere


class RoleAdmin(ByRole, ModelAdmin):
    """A model in the back office: bounded lists, and refusals of services shown where the person stands."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    change_form_outer_before_template = "admin/trails.html"
    paginator = BoundedPaginator
    id_fields: tuple[str, ...] = ("pk",)  # where a typed id is looked up, by index
    person_fields: tuple[str, ...] = ()  # where a typed user name is looked up, by the person's id

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.search_fields) or self.id_fields  # without any, Django would show no search box

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by an id, by a person's exact name, or by the text columns in ``search_fields``."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(_any_of(self.id_fields, UUID(term))), False
        except ValueError:
            found, twice = queryset.none(), False
        if self.search_fields:
            found, twice = super().get_search_results(request, queryset, term)
        person = User.objects.filter(username=term).first() if self.person_fields else None
        if person is not None:
            found |= queryset.filter(_any_of(self.person_fields, person.pk))
        return found, twice

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if "_saveasnew" in request.POST and not self.save_as:  # Django would turn a change of this row into an addition
            raise PermissionDenied
        context = {**(extra_context or {}), "trails": self._trails(request, object_id)}
        return self.shown(
            request, lambda: super(RoleAdmin, self).changeform_view(request, object_id, form_url, context)
        )

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Tell a performer by the status that a row is not there for her. Staff come back to the index, with a word."""
        if is_performer(request):
            raise Http404
        answer: HttpResponse = super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc]
        return answer

    def _trails(self, request: HttpRequest, object_id: str | None) -> list[tuple[str, str]]:
        row = self.get_object(request, object_id) if object_id is not None and request.method == "GET" else None
        if row is None or not self.has_view_permission(request, row):
            return []
        return list(trails_of(request, self.admin_site, row))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        return self.shown(request, lambda: super(RoleAdmin, self).delete_view(request, object_id, extra_context))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self.shown(request, lambda: super(RoleAdmin, self).changelist_view(request, extra_context))

    def shown(self, request: HttpRequest, view: Callable[[], Any]) -> Any:
        """Run a view; when a service refuses, everything was rolled back: say so and show the page afresh."""
        try:
            with translated():
                return view()
        except DomainError as refusal:
            self.message_user(request, f"{refusal} ({refusal.code}). Nothing was changed.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class ReasonForm(forms.Form):
    """Why somebody does what an action or an address of its own does."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class RoleInline(ByRole, TabularInline):
    """Rows under their parent's page; ``parent_owner_path`` leads from the parent to its performer."""

    parent_owner_path: str | None = None
    extra = 0

    def owner_id(self, obj: Model) -> UUID | None:
        owner: UUID | None = getattr(obj, f"{self.parent_owner_path}_id")
        return owner


class ExactFilter(TextFilter):
    """A text field beside a list; it keeps the rows in which the column equals what was typed."""

    lookup = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.typed()
        return queryset.filter(**{self.lookup: typed}) if typed else queryset

    def typed(self) -> str:
        """Return what was typed, without what no text column can hold."""
        return (self.value() or "").replace("\x00", "").strip()


class PersonFilter(ExactFilter):
    """The same for a person: her id or her exact name."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.typed()
        if not typed:
            return queryset
        try:
            return queryset.filter(**{self.lookup: UUID(typed)})
        except ValueError:
            return queryset.filter(**{self.lookup: User.objects.filter(username=typed).values("pk")[:1]})
