"""Conditional GET: an ETag of the body, and 304 while the body is the same."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags, quote_etag

HEADERS_304 = ("Cache-Control", "ETag", "Vary")


def conditional(request: HttpRequest, answer: HttpResponse, *, cache: str, vary: tuple[str, ...] = ()) -> HttpResponse:
    """Set the ETag of a rendered 200; return 304 without a body instead if the request names it in `If-None-Match`.

    Other conditions (If-Match, dates) are ignored: 412 is none of the API's answers.
    """
    answer.headers["ETag"] = etag_of(answer.content)
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
