"""The one envelope of errors: `{"error": {"code", "message", "details"}}`. Only this module maps errors to statuses."""

import math
import sys
from typing import Any

import structlog
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.response import Response

from core import errors
from core.db import refusal_of
from core.errors import DomainError, Kind
from core.shapes import Shape
from core.wire import BodyEndedEarly

log = structlog.get_logger()

STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.PAYMENT_REQUIRED: 402,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.NOT_ACCEPTABLE: 406,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.BLOCKED: 451,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
}
REFUSED_BY_FRAMEWORK: dict[type[Exception], str] = {
    DisallowedHost: "This host name is not served here.",
    TooManyFieldsSent: "There are too many parameters.",
    TooManyFilesSent: "There are too many files.",
    BodyEndedEarly: "The body ended early.",
    UnreadablePostError: "The body ended early.",
    MultiPartParserError: "The multipart body cannot be read.",
    SuspiciousOperation: "The request cannot be read.",
    BadRequest: "The request cannot be read.",
}
"""What Django itself refuses, with the first class that matches: 400, with the sentence in `details.request`."""


class ErrorCode(serializers.CharField):
    """One of the codes of docs/errors.md; null while it is empty."""

    def to_representation(self, value: str) -> Any:
        return value or None


class ErrorOut(Shape):
    """A stable code, a sentence for people, and the figures of the case."""

    code = ErrorCode()
    message = serializers.CharField(source="text")
    details = serializers.DictField()


class ErrorEnvelope(Shape):
    """The body of every 4xx and 5xx answer."""

    error = ErrorOut(source="*")


ENVELOPE = ErrorEnvelope()


def body_of(error: DomainError) -> dict[str, Any]:
    return ENVELOPE.to_representation(error)


def headers_of(error: DomainError) -> dict[str, str]:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return headers


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Render any exception of an endpoint. What is no `DomainError` is logged with its traceback and answered 500."""
    error = domain_error_of(exc)
    if isinstance(exc, drf.MethodNotAllowed):  # of a view of DRF's own: it does not keep the method
        error = errors.MethodNotAllowed(method=str(context["request"].method)[:20])
    if error is None:
        log.exception("endpoint_failed", exc_info=exc)
        error = errors.InternalError()
    return Response(body_of(error), status=STATUS[error.kind], headers=headers_of(error))


def domain_error_of(exc: Exception) -> DomainError | None:
    """Translate exceptions of Django, DRF and the database into our errors; None for a defect."""
    match exc:
        case DomainError():
            return exc
        case drf.ValidationError():
            return errors.ValidationFailed(**_details(exc.detail))
        case drf.ParseError():
            return errors.InvalidJson()
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.Unauthenticated()
        case drf.PermissionDenied():
            return errors.CsrfFailed() if "CSRF" in str(exc.detail) else errors.Forbidden()
        case PermissionDenied():
            return errors.Forbidden()
        case drf.NotFound() | Http404():
            return errors.NotFound()
        case drf.UnsupportedMediaType():
            return errors.UnsupportedMediaType()
        case drf.NotAcceptable():
            return errors.NotAcceptable()
        case drf.Throttled():
            return errors.Throttled(retry_after_s=getattr(exc, "wait", None) or 1)
        case RequestDataTooBig():
            return errors.BodyTooLarge()
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return _refused_by_framework(exc)
        case OperationalError() | InterfaceError():
            return refusal_of(exc)
    return None


def _refused_by_framework(exc: Exception) -> errors.ValidationFailed:
    text = next(text for kind, text in REFUSED_BY_FRAMEWORK.items() if isinstance(exc, kind))
    return errors.ValidationFailed(request=[text])


def _details(detail: Any) -> dict[str, Any]:
    if isinstance(detail, dict):
        return {str(name): value for name, value in detail.items()}
    return {"body": detail}


def respond(error: DomainError) -> HttpResponse:
    """Answer with the envelope outside DRF."""
    return JsonResponse(body_of(error), status=STATUS[error.kind], headers=headers_of(error))


def error_page(request: HttpRequest, error: DomainError, **context: Any) -> HttpResponse:
    """Answer with the page of the error's status (`404.html`), or `error.html`; htmx gets the text for a notice."""
    status, headers = STATUS[error.kind], headers_of(error)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(error.text, status=status, headers=headers, content_type="text/plain; charset=utf-8")
    response = render(request, [f"{status}.html", "error.html"], {"error": error, **context}, status=status)
    for name, value in headers.items():
        response.headers[name] = value
    return response


def failed(request: HttpRequest, error: DomainError, **context: Any) -> HttpResponse:
    """Answer outside DRF: an address of the API with the envelope, any other with a page."""
    return respond(error) if _is_api(request) else error_page(request, error, **context)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/live/"))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return failed(request, errors.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or the status of the refusal that was raised, such as 503 while the database is away."""
    raised = sys.exc_info()[1]
    return failed(
        request, (domain_error_of(raised) if isinstance(raised, Exception) else None) or errors.InternalError()
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return failed(request, (domain_error_of(exception) if exception else None) or errors.ValidationFailed())


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return failed(request, errors.Forbidden())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return failed(request, errors.CsrfFailed(), csrf=True)
