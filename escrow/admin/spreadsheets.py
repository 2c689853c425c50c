"""CSV that is safe to open in a spreadsheet: no cell is a formula."""

import csv
import io
from typing import Any

from import_export.formats.base_formats import CSV

from core.spreadsheets import escaped


class SafeCSV(CSV):
    """Write an apostrophe before every cell that a spreadsheet could run; the library only strips one leading `=`."""

    def export_data(self, dataset: Any, **kwargs: Any) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(dataset.headers)
        writer.writerows([escaped(cell) for cell in row] for row in dataset)
        return text.getvalue()
