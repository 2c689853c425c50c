"""The base of all endpoints: parse the request, call one service, render the answer.

Requests are checked in this order (PRODUCT.md §8): 401 → 405 → 406 → 415, 413, 400 body → 400 key → replay → 403 role
→ 404 → the service's own checks.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import register_converter
from drf_spectacular.utils import OpenApiParameter
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import errors, handover, idempotency
from core.batches import Command, KeyedRequest
from core.context import request_id
from core.fields import UUID_TEXT, Body
from core.freshness import conditional
from core.ids import NIL
from core.origin import origin_of
from core.pagination import Slice, keyset
from core.parsing import MAX_BODY_BYTES, declared_length
from core.shapes import by_method, outputs, reader

KEY = re.compile(rf"\A{idempotency.KEY_PATTERN}\Z")
T = TypeVar("T")
SIGNED_IN_BY = ("Authorization", "Cookie")
ANYTHING = "*/*"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class IdConverter:
    """An id in a path. A malformed one becomes the nil id, which no row has: 404, after the checks that come before."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UUID:
        return UUID(value) if UUID_TEXT.match(value) else NIL

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")


class ByAccept(DefaultContentNegotiation):
    """Negotiates by the `Accept` header only; `?format=` is ignored."""

    settings = cast(Any, SimpleNamespace(URL_FORMAT_OVERRIDE=None))

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        if request.META.get("HTTP_ACCEPT", ANYTHING) in (ANYTHING, renderers[0].media_type):
            return renderers[0], renderers[0].media_type  # what the library comes to for the usual headers
        return super().select_renderer(request, renderers, format_suffix)


@cache
def _instances(classes: tuple[type[T], ...]) -> list[T]:
    """Return an instance of each: those of DRF that know nothing of a request are made once."""
    return [each() for each in classes]


class Endpoint(APIView):
    """One address of the API. Subclasses declare their roles, input and output and, for keyed commands, `operation`.

    `Output` is a shape for 200, or shapes by status; or either by method. `refuses` names the errors of its rules,
    besides those that `core.declared` derives from the rest. `Input`, `Query` and `refuses` may be by method, too. With
    `etag` a GET's 200 carries an ETag of its body, and a request that names it in `If-None-Match` gets 304.

    For the API's description: the docstring of a method, or else of the class, is the operation's summary (its first
    paragraph) and description; `Described` is the body where `Input` reads more than is promised; `header_parameters`
    are headers besides those of every endpoint.
    """

    public: ClassVar[bool] = False
    roles: ClassVar[Collection[str]] = ()
    operation: ClassVar[str] = ""
    etag: ClassVar[bool] = False
    Input: ClassVar[Any] = Body
    Query: ClassVar[Any] = None
    Output: ClassVar[Any] = None
    refuses: ClassVar[Any] = ()
    key_in_body: ClassVar[bool] = False  # the Idempotency-Key header may be left out
    Described: ClassVar[Any] = None
    header_parameters: ClassVar[Sequence[OpenApiParameter]] = ()
    tag: ClassVar[str] = ""  # whose part of the description it is in; its own app's without
    http_method_names = ["get", "post", "put", "patch", "delete"]
    format_kwarg = None  # no `.json` endings; DRF's negotiation reads it
    content_negotiation_class = ByAccept

    data: dict[str, Any]
    query: dict[str, Any]
    actor: Any  # the signed-in user, whose model core does not import; None if nobody is, on a public endpoint

    def get_authenticators(self) -> list[BaseAuthentication]:
        return _instances(tuple(self.authentication_classes))

    def get_parsers(self) -> list[BaseParser]:
        return _instances(tuple(self.parser_classes))

    def get_renderers(self) -> list[BaseRenderer]:
        return _instances(tuple(self.renderer_classes))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.args, self.kwargs = args, kwargs
        self.headers = {}
        self.request = self.initialize_request(request, *args, **kwargs)
        try:
            answer = self._answer(self.request)
        except Exception as exc:  # noqa: BLE001  the envelope logs what is no DomainError
            answer = self.handle_exception(exc)
        return self._finished(self.request, answer)

    def handle_exception(self, exc: Exception) -> Response:
        answer = self.get_exception_handler()(exc, self.get_exception_handler_context())
        answer.exception = True
        return cast(Response, answer)

    def _finished(self, request: Request, response: HttpResponse) -> HttpResponse:
        if isinstance(response, Response):
            response.accepted_renderer = self.get_renderers()[0]
            response.accepted_media_type = "application/json"
            cast(Any, response).renderer_context = {}
            if self.etag and request.method == "GET" and response.status_code == 200:
                response = self._conditional(request, response.render())
        for name, value in self.headers.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _conditional(self, request: Request, rendered: HttpResponse, etag: str = "") -> HttpResponse:
        return conditional(request, rendered, cache="private, no-cache", vary=SIGNED_IN_BY, etag=etag)

    def _answer(self, request: Request) -> HttpResponse:
        request.accepted_renderer = self.get_renderers()[0]
        self.perform_authentication(request)
        if not self.public and not request.user.is_authenticated:
            raise errors.Unauthenticated
        self.actor = request.user if request.user.is_authenticated else None
        handler = self._handler(request)
        self.perform_content_negotiation(request)
        self.data = self._parsed(request)
        self.query = self._queried(request)
        if self.operation and request.method in WRITES:
            known = self._replayed(request)
            if known is not None:
                return self._rendered(known)
        return self._handled(request, handler)

    def _handled(self, request: Request, handler: Callable[..., HttpResponse]) -> HttpResponse:
        self._admit(request)
        return handler(request, **self.kwargs)

    def _handler(self, request: Request) -> Callable[..., HttpResponse]:
        method = str(request.method).lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        if handler is None:
            self.headers["Allow"] = ", ".join(name.upper() for name in self.http_method_names if hasattr(self, name))
            raise errors.MethodNotAllowed(method=str(request.method)[:20])
        return cast(Callable[..., HttpResponse], handler)

    def _parsed(self, request: Request) -> dict[str, Any]:
        if request.method not in WRITES:
            return {}
        if request.content_type and request.content_type.split(";")[0].strip().lower() != "application/json":
            raise errors.UnsupportedMediaType
        if declared_length(request.META) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge
        body = request.data
        if not isinstance(body, dict):
            raise errors.ValidationFailed(body=["A JSON object is needed."])
        return cast(dict[str, Any], reader(by_method(self.Input, str(request.method))).run_validation(dict(body)))

    def _queried(self, request: Request) -> dict[str, Any]:
        declared = by_method(self.Query, str(request.method))
        if declared is None:
            return {}
        given = request.query_params.dict()  # as JSON: an empty value is a value, and checked
        return cast(dict[str, Any], reader(declared).run_validation(given))

    def _replayed(self, request: Request) -> idempotency.Answer | None:
        return self.known(request, request.headers.get("Idempotency-Key", ""))

    def known(self, request: Request, key: str, aside: idempotency.Aside | None = None) -> idempotency.Answer | None:
        """Use this key for the request; return the answer stored under it, if any. Reads `aside` with it."""
        self.key = key
        if not KEY.match(self.key):
            raise errors.IdempotencyKeyRequired
        self.fingerprint = idempotency.fingerprint_of(str(request.method), request.path, request.data)
        if handover.has_outcome():
            return None
        return idempotency.replay(
            caller=self.actor.pk, operation=self.operation, key=self.key, fingerprint=self.fingerprint, aside=aside
        )

    def _admit(self, request: Request) -> None:
        if self.roles and getattr(self.actor, "role", "") not in self.roles:
            raise errors.RoleNotAllowed

    def before_command(self) -> None:
        """Work of a keyed command that commits first, on its own, once no earlier answer was found."""

    def once(
        self,
        *,
        work: Callable[[], T],
        prepare: Callable[[T], Any] | None = None,
        status: int | Callable[[T], int] = 200,
    ) -> HttpResponse:
        """Run a keyed command and answer what it returns, or what `prepare` makes of that inside its transaction."""

        def rendered(result: T) -> Any:
            shape = self._output(status(result) if callable(status) else status)
            return shape.to_representation(result if prepare is None else prepare(result))

        return self._rendered(
            idempotency.once(
                caller=self.actor.pk,
                operation=self.operation,
                key=self.key,
                fingerprint=self.fingerprint,
                work=work,
                render=rendered,
                before=self.before_command,
                status=status,
            )
        )

    def run(self, command: Command[T], given: T) -> HttpResponse:
        """Run a keyed command whose rules are a `Batch`, for this request alone: `given` is its input."""
        request = KeyedRequest(
            caller_id=self.actor.pk,
            claims=None,
            key=self.key,
            fingerprint=self.fingerprint,
            request_id=request_id(),
            origin=origin_of(self.request._request),
            input=given,
        )
        return self._rendered(command.run(request, before=self.before_command))

    def _rendered(self, answer: idempotency.Answer) -> HttpResponse:
        headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
        return HttpResponse(answer.body, status=answer.status, content_type="application/json", headers=headers)

    def answer(self, value: Any, status: int = 200) -> Response:
        """Render a value as `Output` has it for this method and status."""
        return Response(self._output(status).to_representation(value), status=status)

    def page(
        self,
        queryset: QuerySet[Any],
        *,
        prepare: Callable[[Sequence[Any]], Sequence[Any]] | None = None,
        by: str = "id",
    ) -> Response:
        """Answer a page, newest first by the column `by`. `Query` is a `Page`, `Output` a `page_of` shape."""
        found = keyset(queryset, cursor=self.query.get("cursor"), limit=self.query["limit"], by=by)
        return self.answer(found if prepare is None else Slice(prepare(found.items), found.next))

    def _output(self, status: int) -> Any:
        return outputs(cast(Any, type(self)), str(self.request.method))[status]
