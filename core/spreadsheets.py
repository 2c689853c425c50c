"""Cells that are safe to open in a spreadsheet: none is a formula. Pure."""

from core.text import first_visible

FORMULA = frozenset("=+-@")
FIELD_BREAKS = ("\t", "\r", "\n")


def escaped(cell: object) -> str:
    """Return the cell's text, after an apostrophe if it would be a formula.

    Spreadsheets skip what is invisible before a sign, and take full-width signs for the plain ones.
    """
    text = "" if cell is None else str(cell)
    is_formula = first_visible(text) in FORMULA or text.lstrip(" ").startswith(FIELD_BREAKS)
    return f"'{text}" if is_formula else text
