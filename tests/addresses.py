"""The URL map, for tests that call every address."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def addresses(prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address below a prefix, without the prefix."""

    def walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, URLPattern]]:
        for each in resolver.url_patterns:
            path = before + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each, path)
            elif path.startswith(prefix):
                yield path.removeprefix(prefix), each

    return walk(get_resolver(), "")
