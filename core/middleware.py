"""Middleware of every request: a request id, the length of its body, draining of refused bodies, HEAD."""

import re
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import IO

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from core.envelope import bad_request
from core.ids import new_id
from core.parsing import MAX_BODY_BYTES, declared_length
from core.wire import MULTIPART, BodyEndedEarly

VALID_ID = re.compile(r"\A[A-Za-z0-9_.-]{8,64}\Z")
DRAIN_LIMIT_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
NO_BODY = (204, 304)
FORMS = (MULTIPART, "application/x-www-form-urlencoded")
Answer = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Use the caller's `X-Request-Id` if it is valid, else a new one; add it to all logs and to the response."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if VALID_ID.match(given) else str(new_id())
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        response.headers["X-Request-Id"] = request_id
        return response


class BodyLengthMiddleware:
    """Set the length of a chunked body, and 0 for a length that is not a number.

    Django reads as much as is declared: without this a split sent in chunks would be an empty body and pay in full.
    Where a connection breaks, the server ends a chunked body like a whole one. What is left of JSON is no JSON then;
    nothing at all and a form, which browsers never send in chunks, are refused.
    It must come before any middleware that reads `request.headers`, which Django caches.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        stream = request.META.get("wsgi.input")
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        if chunked and stream is not None and request.method not in ("GET", "HEAD", "OPTIONS"):
            try:
                body = _read(stream, MAX_BODY_BYTES + 1)
                if len(body) > MAX_BODY_BYTES:
                    _read(stream, DRAIN_LIMIT_BYTES)
            except OSError:
                body = b""
            if not body or request.content_type in FORMS:
                return bad_request(request, BodyEndedEarly())
            request._stream = BytesIO(body)
            request.META["CONTENT_LENGTH"] = str(len(body))
        elif request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = str(declared_length(request.META))
        return self.get_response(request)


def _read(stream: IO[bytes], limit: int) -> bytes:
    """Read to the end, `limit` bytes at most."""
    pieces: list[bytes] = []
    left = limit
    while left and (piece := stream.read(min(left, CHUNK_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


class DrainBodyMiddleware:
    """Read and discard the rest of a refused request (16 MiB at most), so that the client reads the response."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code >= 400 and 0 < declared_length(request.META) <= DRAIN_LIMIT_BYTES:
            _drain(request)
        return response


def _drain(request: HttpRequest) -> None:
    stream = getattr(request, "_stream", None)
    with suppress(OSError, BodyEndedEarly):  # the client has gone
        while stream is not None and stream.read(CHUNK_BYTES):
            pass


class HeadMiddleware:
    """Answer HEAD as GET is answered, without the body (RFC 9110 §9.3.2), so that no view knows of HEAD.

    `Content-Length` is the length of the body that GET would have; a streamed body is not read and has none. An `Allow`
    that names GET names HEAD too.
    It comes after the middleware of static files, which answers HEAD itself.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_head = request.method == "HEAD"
        if is_head:
            request.method = request.META["REQUEST_METHOD"] = "GET"
        response = self.get_response(request)
        if is_head:
            request.method = request.META["REQUEST_METHOD"] = "HEAD"
            _drop_body(response)
        allowed = response.headers.get("Allow", "").split(", ")
        if "GET" in allowed and "HEAD" not in allowed:
            response.headers["Allow"] = ", ".join([*allowed, "HEAD"])
        return response


def _drop_body(response: HttpResponseBase) -> None:
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse):
        if response.status_code not in NO_BODY:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
