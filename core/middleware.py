"""Middleware of every request: a request id, the length of its body, draining of refused bodies."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import IO

import structlog
from django.http import HttpRequest, HttpResponse

from core.ids import new_id
from core.parsing import MAX_BODY_BYTES, declared_length

VALID_ID = re.compile(r"\A[A-Za-z0-9_.-]{8,64}\Z")
DRAIN_LIMIT_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
Answer = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Use the caller's `X-Request-Id` if it is valid, else a new one; add it to all logs and to the response."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if VALID_ID.match(given) else str(new_id())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        return response


class BodyLengthMiddleware:
    """Set the length of a chunked body, and 0 for a length that is not a number.

    Django reads as much as is declared: without this a split sent in chunks would be an empty body and pay in full.
    It must come before any middleware that reads `request.headers`, which Django caches.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        stream = request.META.get("wsgi.input")
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        if chunked and stream is not None and request.method not in ("GET", "HEAD", "OPTIONS"):
            body = _read(stream, MAX_BODY_BYTES + 1)
            if len(body) > MAX_BODY_BYTES:
                _read(stream, DRAIN_LIMIT_BYTES)
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
    while stream is not None and stream.read(CHUNK_BYTES):
        pass
