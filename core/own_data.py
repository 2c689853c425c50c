"""What is held about one person, section by section; the composition root puts all the apps' together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import BinaryField, Model, QuerySet

PAGE_ROWS = 500


@dataclass(frozen=True)
class Section:
    """`column`: the column, as `app.Model.field`, by which a row is this person's. The rows are read when iterated."""

    name: str
    column: str
    rows: Iterable[dict[str, Any]]


def section(
    name: str,
    found: "QuerySet[Any]",
    *,
    of: str,
    by: str = "id",
    but: tuple[str, ...] = (),
    shown: tuple[str, ...] = (),
) -> Section:
    """Return a section of a query for one person's rows, without the columns in `but` and without binary ones.

    `of`: the column that names the person. `by`: a column whose order is total among the rows. `shown`: binary columns
    that are no secret.
    """
    model: type[Model] = found.model
    fields = [each for each in model._meta.concrete_fields if each.name not in but]
    columns = [each.attname for each in fields if not isinstance(each, BinaryField) or each.name in shown]
    return Section(name, f"{model._meta.label}.{of}", _Pages(found, columns, by))


@dataclass(frozen=True)
class _Pages:
    """Rows page by page, a statement each: the pooler allows no cursor that lives longer than a transaction."""

    found: "QuerySet[Any]"
    columns: list[str]
    by: str

    def __iter__(self) -> Iterator[dict[str, Any]]:
        last: Any = None
        while True:
            rest = self.found if last is None else self.found.filter(**{f"{self.by}__gt": last})
            page = list(rest.order_by(self.by).values(*{*self.columns, self.by})[:PAGE_ROWS])
            for row in page:
                yield {name: row[name] for name in self.columns}
            if len(page) < PAGE_ROWS:
                return
            last = page[-1][self.by]
