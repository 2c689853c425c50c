"""The one envelope of errors: `{"error": {"code", "message", "details"}}`. Only this module maps errors to statuses."""

import math
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.response import Response

from core import errors
from core.db import refusal_of
from core.errors import DomainError, Kind
from core.shapes import Shape

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


class ErrorOut(Shape):
    """A stable code, a sentence for people, and the figures of the case."""

    code = serializers.CharField()
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
        case OperationalError() | InterfaceError():
            return refusal_of(exc)
    return None


def _details(detail: Any) -> dict[str, Any]:
    if isinstance(detail, dict):
        return {str(name): value for name, value in detail.items()}
    return {"body": detail}


def respond(error: DomainError) -> HttpResponse:
    """Answer with the envelope outside DRF."""
    return JsonResponse(body_of(error), status=STATUS[error.kind], headers=headers_of(error))


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/live/"))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return respond(errors.NotFound()) if _is_api(request) else render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(errors.InternalError()) if _is_api(request) else render(request, "500.html", status=500)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return respond(errors.ValidationFailed())


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return respond(errors.Forbidden()) if _is_api(request) else render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(errors.CsrfFailed()) if _is_api(request) else render(request, "403.html", {"csrf": True}, status=403)
