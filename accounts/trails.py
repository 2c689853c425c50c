"""From one row of the back office to the rows that name it: links above its page, each to a filtered list.

A link to a row that this one names is Django's own (a foreign key shown read-only is one). An app leads from its own
rows, and from those of apps below it to its own.
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

_trails: "defaultdict[str, dict[Trail, None]]" = defaultdict(dict)


@dataclass(frozen=True)
class Trail:
    """`to`: the model whose list is opened, as `app.model`; `by`: which id of this row is looked up there.

    `within`: a filter of that list and which id of this row it is set to, where the look-up alone would search too far.
    """

    label: str
    to: str
    by: str = "pk"
    within: tuple[str, str] | None = None


def lead(of: str, *trails: Trail) -> None:
    """Lead from every row of a model (`app.model`) to lists of rows that name it; once, however often it is said."""
    _trails[of].update(dict.fromkeys(trails))


def trails_of(request: HttpRequest, site: AdminSite, row: Model) -> Iterator[tuple[str, str]]:
    """The links of one row that this person may follow: words and address, in the order in which they were led."""
    for trail in _trails[row._meta.label_lower]:
        target = apps.get_model(trail.to)
        shown: Any = site._registry.get(target)
        subject = getattr(row, trail.by)
        if subject is not None and shown is not None and shown.has_view_permission(request):
            place = reverse(f"{site.name}:{target._meta.app_label}_{target._meta.model_name}_changelist")
            asked = {"q": subject}
            if trail.within is not None:
                asked[trail.within[0]] = getattr(row, trail.within[1])
            yield trail.label, f"{place}?{urlencode(asked)}"
