"""What the theme's templates of the back office lack."""

from collections.abc import Iterable, Sequence

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
CONTENT = '<div id="main" '


@register.filter
def with_main_landmark(page: SafeString) -> SafeString:
    """Make the theme's content element the page's main landmark; a screen reader jumps to it."""
    return mark_safe(page.replace(CONTENT, f'{CONTENT}role="main" ', 1))  # noqa: S308  escaped by the template


@register.filter
def under(cells: Iterable[object], columns: Sequence[str]) -> list[tuple[str, object]]:
    """Each cell of a row with the heading of its column."""
    return list(zip(columns, cells, strict=True))
