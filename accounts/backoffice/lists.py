"""Base classes of every admin: bounded lists, searched by id or exact user name, and pages that show refusals."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from traceback import extract_tb
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import FieldError, PermissionDenied, ValidationError
from django.core.paginator import InvalidPage, Paginator
from django.db import DataError, ProgrammingError
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import cached_property

from accounts.backoffice.ids import no_such_id
from accounts.backoffice.permissions import RolePermissions
from accounts.backoffice.related import related_links
from accounts.backoffice.roles import is_performer
from accounts.models import User
from core.db import translated
from core.errors import DomainError

if TYPE_CHECKING:  # django-unfold has no types; its classes are checked as Django's
    from django.contrib.admin import ModelAdmin, TabularInline
else:
    from unfold.admin import ModelAdmin, TabularInline

MAX_COUNTED_ROWS = 10_000
UNUSABLE = (
    *(ArithmeticError, LookupError, TypeError, ValueError),  # Python, converting a value
    *(DataError, ProgrammingError),  # PostgreSQL, or psycopg before it
    *(FieldError, IncorrectLookupParameters, InvalidPage, ValidationError),  # Django
)
log = structlog.get_logger()


class BoundedPaginator(Paginator):
    """Count at most ``MAX_COUNTED_ROWS`` rows: a list of millions must open as fast as a short one."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows[:MAX_COUNTED_ROWS].count()


@contextmanager
def filters_checked(request: HttpRequest) -> Iterator[None]:
    """Refuse the parameters of a list that no query can be made of, whoever finds out: Django, Python or PostgreSQL.

    Raises:
        IncorrectLookupParameters: the block failed by what is in the query string; Django's lists redirect then.
    """
    try:
        yield
    except UNUSABLE as error:
        if not request.GET:
            raise
        names, at = [name[:40] for name in sorted(request.GET)[:20]], extract_tb(error.__traceback__)[-1]
        log.warning(
            "list_parameters_refused",
            path=request.path[:200],
            names=names,  # not the values, which may be personal data
            error=type(error).__name__,
            at=f"{at.filename}:{at.lineno}",
        )
        raise IncorrectLookupParameters from error


class RoleAdmin(RolePermissions, ModelAdmin):
    """A model in the back office; read-only unless role sets are given."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    change_form_outer_before_template = "admin/related.html"
    paginator = BoundedPaginator
    id_fields: tuple[str, ...] = ("pk",)  # searched for an id; each has an index
    person_fields: tuple[str, ...] = ()  # searched for the id of the person with the typed user name

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
            return queryset.filter(_any_equals(self.id_fields, UUID(term))), False
        except ValueError:
            found, may_have_duplicates = queryset.none(), False
        if self.search_fields:
            found, may_have_duplicates = super().get_search_results(request, queryset, term)
        person = User.objects.filter(username=term).first() if self.person_fields else None
        if person is not None:
            found |= queryset.filter(_any_equals(self.person_fields, person.pk))
        return found, may_have_duplicates

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super().get_object(request, object_id, from_field or None)  # Django passes on an empty `_to_field`

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if "_saveasnew" in request.POST and not self.save_as:  # Django would turn a change of this row into an addition
            raise PermissionDenied
        context = {**(extra_context or {}), "related": self.related(request, object_id)}

        def view() -> Any:
            if request.method == "POST" and object_id is not None:
                self.before_change(request, object_id)
            return super(RoleAdmin, self).changeform_view(request, object_id, form_url, context)

        return self.refusals_shown(request, view)

    def before_change(self, request: HttpRequest, object_id: str) -> None:
        """Do what must be committed before a row's form is saved. Called outside of the view's transaction, for any id
        and before the view checks permissions."""

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Answer a performer 404. Staff are redirected to the index with a message, as Django does."""
        if is_performer(request):
            raise Http404
        response: HttpResponse = super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc]
        return response

    def related(self, request: HttpRequest, object_id: str | None) -> list[tuple[str, str]]:
        """Return label and address of the lists related to a row; none if the user may not view the row."""
        row = self.get_object(request, object_id) if object_id is not None and request.method == "GET" else None
        if row is None or not self.has_view_permission(request, row):
            return []
        return list(related_links(request, self.admin_site, row))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        return self.refusals_shown(
            request, lambda: super(RoleAdmin, self).delete_view(request, object_id, extra_context)
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self.refusals_shown(request, lambda: super(RoleAdmin, self).changelist_view(request, extra_context))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        with filters_checked(request):
            return super().get_changelist_instance(request)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *where: Any) -> HttpResponse | None:
        """Run an action over selected rows, if what is selected are ids."""
        if any(no_such_id(self.opts.pk, text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            self.message_user(request, "What was selected is no row of this list. Nothing was changed.", messages.ERROR)
            return None
        response: HttpResponse | None = super().response_action(request, queryset, *where)
        return response

    def refusals_shown(self, request: HttpRequest, view: Callable[[], Any]) -> Any:
        """Call a view; if a service refuses, everything was rolled back: show why and redirect to the same page."""
        try:
            with translated():
                return view()
        except DomainError as refusal:
            self.message_user(request, f"{refusal} ({refusal.code}). Nothing was changed.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        """Render a page of this admin other than Django's own."""
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, shared | context)


class RoleInline(RolePermissions, TabularInline):
    """Rows on their parent's page; ``parent_owner_path`` leads from the parent to its performer."""

    parent_owner_path: str | None = None
    extra = 0

    def owner_id(self, obj: Model) -> UUID | None:
        owner: UUID | None = getattr(obj, f"{self.parent_owner_path}_id")
        return owner

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Name each field for screen readers: in a table only the column has a visible heading."""
        formset = super().get_formset(request, obj, **kwargs)
        for name, field in formset.form.base_fields.items():
            field.widget.attrs["aria-label"] = str(field.label or name)
        return formset


def _any_equals(fields: Iterable[str], value: UUID) -> Q:
    condition = Q()
    for field in fields:
        condition |= Q(**{field: value})
    return condition
