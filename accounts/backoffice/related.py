"""Links above a row's page, each to the list of rows that refer to it.

The other direction needs none: a foreign key shown read-only is a link already. An app registers links for its own
rows, and from rows of the apps below it to its own.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

_related: "defaultdict[str, dict[RelatedList, None]]" = defaultdict(dict)


@dataclass(frozen=True)
class RelatedList:
    """The list of `model`, searched for a row's field `by`, with the filter `within` set to another field."""

    label: str
    model: str
    by: str
    within: tuple[str, str] | None


def register_related(
    row: str, label: str, model: str, *, by: str = "pk", within: tuple[str, str] | None = None
) -> None:
    """Link every row of one model to the list of another (both as `app.model`), searched for the row's field `by`.

    `within`: a filter of that list and the field it is set to, where the search alone would read too many rows.
    Registering a list again has no effect.
    """
    _related[row][RelatedList(label, model, by, within)] = None


def related_links(request: HttpRequest, site: AdminSite, row: Model) -> Iterator[tuple[str, str]]:
    """Yield label and address of the row's lists that the user may view, in order of registration."""
    for related in _related[row._meta.label_lower]:
        target = apps.get_model(related.model)
        target_admin: Any = site._registry.get(target)
        value = getattr(row, related.by)
        if value is None or target_admin is None or not target_admin.has_view_permission(request):
            continue
        query = {"q": value}
        if related.within is not None:
            query[related.within[0]] = getattr(row, related.within[1])
        address = reverse(f"{site.name}:{target._meta.app_label}_{target._meta.model_name}_changelist")
        yield related.label, f"{address}?{urlencode(query)}"
