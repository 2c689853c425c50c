"""CSV that is safe to open in a spreadsheet: no cell is a formula."""

import csv
import io
from typing import Any

from import_export.formats.base_formats import CSV

from core.text import first_visible

FORMULA = frozenset("=+-@")
FIELD_BREAKS = ("\t", "\r", "\n")


class SafeCSV(CSV):
    """Write an apostrophe before every cell that a spreadsheet could run; the library only strips one leading `=`."""

    def export_data(self, dataset: Any, **kwargs: Any) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(dataset.headers)
        writer.writerows([escaped(cell) for cell in row] for row in dataset)
        return text.getvalue()


def escaped(cell: object) -> str:
    """Return the cell's text, after an apostrophe if it would be a formula.

    Spreadsheets skip what is invisible before a sign, and take full-width signs for the plain ones.
    """
    text = "" if cell is None else str(cell)
    is_formula = first_visible(text) in FORMULA or text.lstrip(" ").startswith(FIELD_BREAKS)
    return f"'{text}" if is_formula else text
