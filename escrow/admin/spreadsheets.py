"""CSV for people who open it in a spreadsheet: no cell is a formula."""

import csv
import io
from typing import TYPE_CHECKING, Any

from import_export.formats.base_formats import CSV

if TYPE_CHECKING:  # django-import-export carries no types

    class PlainCSV:
        pass
else:
    PlainCSV = CSV

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class SafeCSV(PlainCSV):
    """The library only strips one leading `=`; here whatever a spreadsheet could run gets an apostrophe before it."""

    def export_data(self, dataset: Any, **kwargs: Any) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(dataset.headers)
        writer.writerows([escaped(cell) for cell in row] for row in dataset)
        return text.getvalue()


def escaped(cell: object) -> str:
    """The cell's text; an apostrophe first where it would begin a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
