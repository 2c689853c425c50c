"""Two things every answer owes its caller: the request's id, and a connection that can be used again."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from core.ids import new_id

SOUND_ID = re.compile(r"\A[A-Za-z0-9_.-]{8,64}\Z")
DRAIN_LIMIT_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
Answer = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Take the caller's `X-Request-Id` if it is sound, else make one; bind it to every log line; send it back."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if SOUND_ID.match(given) else str(new_id())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        return response


class DrainBodyMiddleware:
    """Read and discard what a refused request still sends (up to 16 MiB), so that the client sees the answer."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if response.status_code >= 400 and declared.isdigit() and 0 < int(declared) <= DRAIN_LIMIT_BYTES:
            _drain(request)
        return response


def _drain(request: HttpRequest) -> None:
    stream = getattr(request, "_stream", None)
    while stream is not None and stream.read(CHUNK_BYTES):
        pass
