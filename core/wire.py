"""Requests cleaned before Django reads them: cookies without control characters, no charset of the client's choice,
whole bodies only.

Django reads the Content-Type while it makes a request, before any middleware: what fails there is a bare 500.
"""

import re
from typing import Any

import django
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import LimitedStream, WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, parse_cookie

WITHOUT_BODY = (204, 304)
MULTIPART = "multipart/form-data"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_OR_ESCAPE = re.compile(r"[\x00-\x1f\x7f\\]")
# RFC 2046: at most 70 characters; quotation marks around them are optional.
_BOUNDARY = re.compile(r""";\s*boundary=("?)([\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?])\1\s*(?:;|\Z)""", re.ASCII | re.I)


class BodyEndedEarly(BadRequest):
    """The client went away before it had sent what it declared."""


class WholeBody(LimitedStream):
    """The body of a request, to its declared length.

    A server reports the end of a connection as the end of the body, and Django's CSRF check ignores a body that cannot
    be read; then a split whose body was lost would be an empty one, and pay in full.
    """

    def __init__(self, stream: Any, limit: int) -> None:
        super().__init__(stream, limit)
        self.unread = limit

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, or all. Raises BodyEndedEarly, which nobody ignores, in place of OSError."""
        wanted = self.unread if size is None or size < 0 else min(size, self.unread)
        pieces = []
        while wanted:
            piece = self._piece(wanted)
            if not piece:
                raise BodyEndedEarly
            pieces.append(piece)
            wanted -= len(piece)
            self.unread -= len(piece)
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        try:
            return super().read(size)
        except OSError as error:
            raise BodyEndedEarly from error


class CleanRequest(WSGIRequest):
    """A request whose Content-Type, cookies and body are clean."""

    def __init__(self, environ: dict[str, Any]) -> None:
        if content_type := environ.get("CONTENT_TYPE"):
            environ["CONTENT_TYPE"] = clean_content_type(content_type)
        if cookies := environ.get("HTTP_COOKIE"):
            environ["HTTP_COOKIE"] = clean_cookies(cookies)
        super().__init__(environ)
        stream: Any = self._stream
        self._stream: Any = WholeBody(environ["wsgi.input"], stream.limit)


class CleanHandler(WSGIHandler):
    """Django's WSGI application, over clean requests; an answer that is not streamed has its length."""

    request_class = CleanRequest

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        if isinstance(response, HttpResponse) and response.status_code not in WITHOUT_BODY:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


def wsgi_application() -> WSGIHandler:
    """Set Django up, as its own `get_wsgi_application` does, and return the application."""
    django.setup(set_prefix=False)
    return CleanHandler()


def clean_content_type(text: str) -> str:
    """Return the media type with no parameter but the boundary of a multipart body. Bodies are read as UTF-8."""
    media_type = text.partition(";")[0].strip()
    boundary = _BOUNDARY.search(text) if media_type.lower() == MULTIPART else None
    return f'{media_type}; boundary="{boundary[2]}"' if boundary else media_type


def clean_cookies(header: str) -> str:
    """Return a Cookie header without the cookies that have a control character in their name or value.

    A quoted value can have one in octal digits (`"\\000"`), which servers and proxies do not notice.
    """
    if not _CONTROL_OR_ESCAPE.search(header):
        return header
    return ";".join(each for each in header.split(";") if not _has_control(each))


def _has_control(cookie: str) -> bool:
    return any(_CONTROL.search(name + value) for name, value in parse_cookie(cookie).items())
