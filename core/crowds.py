"""Reads that many people send who are not signed in: rendered once for all of them by each process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from core.api import Endpoint
from core.freshness import Seen, Shelf, etag_of

MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered answer of 200 and its ETag."""

    content: bytes
    etag: str


def _never(**_: Any) -> None:
    return None


class CrowdEndpoint(Endpoint):
    """A public GET whose answer is the same for everybody who is not signed in: one look-up, and bytes while it holds.

    `look` returns the version of what would be read now, in one statement, or raises NotFound as the read itself does.
    `until` returns when that changes by time alone. Both take what stands in the path. Signed-in people, and the first
    reader of a version, are answered in the ordinary way.
    """

    public, etag = True, True
    shelf: ClassVar[Shelf[Rendered]]
    look: ClassVar[Callable[..., Seen]]
    until: ClassVar[Callable[..., datetime | None]] = staticmethod(_never)
    seen: Seen | None = None

    def made_of(self, version: object) -> None:
        """Name the version of what was read after all, where one that was looked up can come back."""
        if self.seen is not None:
            self.seen = Seen(version, self.seen.now)

    def _handled(self, request: Request, handler: Callable[..., HttpResponse]) -> HttpResponse:
        if self.actor is not None or request.method != "GET":
            return super()._handled(request, handler)
        self.seen = type(self).look(**self.kwargs)
        body = self.shelf.find(self._subject(), self.seen)
        if body is None:
            return super()._handled(request, handler)
        return super()._conditional(request, HttpResponse(body.content, content_type="application/json"), body.etag)

    def _conditional(self, request: Request, rendered: HttpResponse, etag: str = "") -> HttpResponse:
        if self.seen is not None:
            etag = etag_of(rendered.content)
            body = Rendered(rendered.content, etag)
            until = type(self).until(**self.kwargs)
            self.shelf.keep(self._subject(), self.seen, body, size=len(body.content), until=until)
        return super()._conditional(request, rendered, etag)

    def _subject(self) -> tuple[Any, ...]:
        return tuple(self.kwargs.values())
