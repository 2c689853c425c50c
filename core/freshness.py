"""Conditional GET: an ETag of the body, 304 while the body is the same, and bodies kept while they are current."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags, quote_etag

HEADERS_304 = ("Cache-Control", "ETag", "Vary")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look-up in the database found: the version of what would be read now, and the database's clock."""

    version: object
    now: datetime


class Shelf(Generic[V]):
    """Values that this process made of rows, one for each subject: of the version looked up last before it was made.

    A reader looks the version up first, always in the database; a value of another version, or past its `until`, is not
    found. A version never comes back once anything that the value was made of has changed; so a value that is newer
    than its version does no harm. Beyond `most_bytes` the least recently used values are dropped.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[object, datetime | None, V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, subject: Hashable, seen: Seen) -> V | None:
        """Return the subject's value if it is that of the version seen, and still true at the time seen."""
        with self._lock:
            version, until, value, _ = self._kept.get(subject, (None, None, None, 0))
            if value is None or version != seen.version or (until is not None and until <= seen.now):
                return None
            self._kept.move_to_end(subject)
            return value

    def keep(self, subject: Hashable, seen: Seen, value: V, *, size: int, until: datetime | None = None) -> None:
        """Keep a value that was made after `seen`, of `size` bytes; from `until` on it may be wrong by time alone."""
        with self._lock:
            self._drop(subject)
            self._kept[subject] = (seen.version, until, value, size)
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, subject: Hashable) -> None:
        self._bytes -= self._kept.pop(subject, (None, None, None, 0))[3]


def conditional(
    request: HttpRequest, answer: HttpResponse, *, cache: str, vary: tuple[str, ...] = (), etag: str = ""
) -> HttpResponse:
    """Set the ETag of a rendered 200; return 304 without a body instead if the request names it in `If-None-Match`.

    `etag`: that of the body, if it is known. Other conditions (If-Match, dates) are ignored: 412 is none of the API's
    answers.
    """
    answer.headers["ETag"] = etag or etag_of(answer.content)
    answer.headers["Cache-Control"] = cache
    patch_vary_headers(answer, vary)
    if not matches(request.headers.get("If-None-Match", ""), answer.headers["ETag"]):
        return answer
    return HttpResponseNotModified(
        headers={name: answer.headers[name] for name in HEADERS_304 if name in answer.headers}
    )


def etag_of(body: bytes) -> str:
    """A strong ETag: equal for equal bytes only."""
    return quote_etag(hashlib.sha256(body).hexdigest()[:32])


def matches(named: str, etag: str) -> bool:
    """Compare weakly (RFC 9110 §13.1.2): `*`, or one of a list, with or without `W/`. A malformed one matches none."""
    known = parse_etags(named)
    return known == ["*"] or etag in {each.removeprefix("W/") for each in known}
