"""Text filters beside a list: a column's exact value, or a person's name or id."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User

if TYPE_CHECKING:  # django-unfold has no types; its classes are checked as Django's
    from django.contrib.admin import SimpleListFilter

    TextFilter = SimpleListFilter
else:
    from unfold.contrib.filters.admin import TextFilter


class ExactFilter(TextFilter):
    """Keep the rows whose column ``lookup`` equals the typed text."""

    lookup = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.typed()
        return queryset.filter(**{self.lookup: typed}) if typed else queryset

    def typed(self) -> str:
        """Return the typed text without NUL, which no text column can hold."""
        return (self.value() or "").replace("\x00", "").strip()


class PersonFilter(ExactFilter):
    """Keep the rows of one person, given by id or exact user name."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.typed()
        if not typed:
            return queryset
        try:
            return queryset.filter(**{self.lookup: UUID(typed)})
        except ValueError:
            return queryset.filter(**{self.lookup: User.objects.filter(username=typed).values("pk")[:1]})


def exact_filter(lookup: str, *, parameter: str = "", title: str = "") -> type[ExactFilter]:
    """Return a filter for ``list_filter``; by default, title and query parameter are the column's name."""
    parameter = parameter or lookup
    return type(lookup, (ExactFilter,), {"lookup": lookup, "parameter_name": parameter, "title": title or parameter})


def person_filter(lookup: str, *, parameter: str = "", title: str = "") -> type[PersonFilter]:
    """Return a filter for ``list_filter`` on a column that refers to a person."""
    parameter = parameter or lookup
    title = f"{title or parameter} (name or id)"
    return type(lookup, (PersonFilter,), {"lookup": lookup, "parameter_name": parameter, "title": title})
