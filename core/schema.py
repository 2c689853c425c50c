"""OpenAPI from the endpoints: input, query, output, errors, docstring and authentication."""

import inspect
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent, build_parameter_type, get_lib_doc_excludes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from core.declared import WRITES, by_code, codes_of
from core.envelope import STATUS, ErrorCode, ErrorEnvelope, body_of
from core.errors import Kind
from core.fields import Body, Page, Params, StrictChar
from core.idempotency import KEY_PATTERN
from core.shapes import Shape, by_method, outputs

ID = {"type": "string", "format": "uuid"}
TEXT = {"type": "string", "minLength": 1}
SESSION: dict[str, list[str]] = {"session": []}
CSRF_SESSION: dict[str, list[str]] = {"session": [], "csrf": []}
SOMETHING_BUT_SPACE = r"\S"
VERBS = {"GET": "get", "POST": "create", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}
RESPONSES = {
    ("INVALID_JSON", "VALIDATION_FAILED"): "InvalidBody",
    ("IDEMPOTENCY_KEY_REQUIRED", "INVALID_JSON", "VALIDATION_FAILED"): "InvalidCommand",
    ("LEDGER_UNAVAILABLE", "QUEUE_BUSY"): "Unavailable",
}
"""Names of responses that many operations share; one with a single code is named by it."""
WAITS = {STATUS[Kind.TOO_MANY], STATUS[Kind.UNAVAILABLE]}
HEADERS = {
    "X-Request-Id": ("The request's id: the caller's, if it sent a valid one.", {"type": "string"}),
    "ETag": ("Send it in `If-None-Match` to get 304 while the answer would be the same.", {"type": "string"}),
    "Retry-After": ("Seconds to wait before the same request is sent again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to sign in.", {"type": "string"}),
    "Idempotent-Replayed": (
        "Sent when this is the stored answer of an earlier request with the same key.",
        {"type": "string", "const": "true"},
    ),
}

ALWAYS = ("X-Request-Id", "ETag", "WWW-Authenticate")
"""Headers that every response has whose description names them; the others depend on the case."""


def components() -> dict[str, Any]:
    """What the operations refer to besides schemas: headers, and one example for each code of an error."""
    return {
        "headers": {
            name: {"description": description, "schema": schema, "required": name in ALWAYS}
            for name, (description, schema) in HEADERS.items()
        },
        "examples": {
            code: {"summary": code, "value": body_of(error(**error.example))} for code, error in by_code().items()
        },
    }


def bases_without_description() -> list[type]:
    """Classes whose docstrings do not describe the classes made from them."""
    return [*get_lib_doc_excludes(), Shape, Body, Params, Page]


class ErrorCodeExtension(OpenApiSerializerFieldExtension):
    """The codes of errors are one component."""

    target_class = ErrorCode

    def get_name(self) -> str:
        return "ErrorCode"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return {"type": "string", "enum": list(by_code()), "description": "What was refused; stable. docs/errors.md"}


class EndpointSchema(AutoSchema):
    """Reads what an Endpoint declares, and the docstrings of its methods."""

    @property
    def _endpoint(self) -> Any:
        return type(self.view)

    def get_operation(self, *args: Any) -> Any:
        operation = super().get_operation(*args)
        if operation:  # the pages that show the description are no operations
            operation.setdefault("security", [])
        return operation

    def get_operation_id(self) -> str:
        """The class's name, with a verb where the class is not named by one."""
        noun, several = type(self.view).__name__, len(self._methods()) > 1
        if not several and self.method != "GET":
            return noun[0].lower() + noun[1:]
        if "next" in getattr(outputs(self._endpoint, self.method).get(200), "fields", ()):
            return f"list{noun.removesuffix('List') + 's' if noun.endswith('List') else noun}"
        one = "s" if self.method in ("POST", "DELETE") else "Detail"
        return VERBS[self.method] + noun.removesuffix(one)

    def get_tags(self) -> list[str]:
        """The app's tag, or `staff` for what only staff may call."""
        app = self._endpoint.tag or type(self.view).__module__.split(".")[0]
        return [settings.API_TAGS["staff" if "/admin/" in self.path else app][0]]

    def get_summary(self) -> str:
        return self._documented()[0].rstrip(".")

    def get_description(self) -> str:
        return " ".join([*(part.replace("\n", " ") for part in self._documented()[1:]), self._callers()])

    def _callers(self) -> str:
        if not self.view.authentication_classes or self.view.public:
            return "Public."
        return f"For: {', '.join(self.view.roles)}." if self.view.roles else "For everybody who is signed in."

    def _documented(self) -> list[str]:
        handler = getattr(self.view, self.method.lower())
        return inspect.cleandoc(handler.__doc__ or type(self.view).__doc__ or "").split("\n\n")

    def get_auth(self) -> list[dict[str, Any]]:
        """A bearer token or a session; public endpoints need neither, and some read none."""
        if not self.view.authentication_classes:
            return []
        session = CSRF_SESSION if self.method in WRITES else SESSION
        return [{"bearer": []}, session, *([{}] if self.view.public else [])]

    def get_request_serializer(self) -> Any:
        declared = self.view.Described or by_method(self.view.Input, self.method)
        if self.method not in ("POST", "PUT", "PATCH") or not declared().fields:
            return None
        return declared

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Name a nested `Input` after its endpoint, and an answer without `Out`: one component each."""
        return str(type(serializer).__qualname__).replace(".", "").removesuffix("Out")

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = []
        query = by_method(self.view.Query, self.method)
        if query is not None:
            parameters.append(query)
        if self.view.etag and self.method == "GET":
            parameters.append(
                OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The `ETag` of an answer.")
            )
        if self._is_keyed():
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    str,
                    OpenApiParameter.HEADER,
                    required=not self.view.key_in_body,
                    pattern=f"^{KEY_PATTERN}$",
                    description="A new key for a new request; the same key when it is sent again.",
                )
            )
        return [*parameters, *self.view.header_parameters]

    def _resolve_path_parameters(self, variables: list[str]) -> list[Any]:
        return [
            build_parameter_type(name=name, schema=ID if name.endswith("_id") else TEXT, location=OpenApiParameter.PATH)
            for name in variables
        ]

    def get_response_serializers(self) -> Any:
        return outputs(self._endpoint, self.method)

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        answers = super()._get_response_bodies(direction)
        for status, answer in answers.items():
            answer |= {"description": HTTPStatus(int(status)).phrase, "headers": self._headers(int(status))}
        if self.view.etag and self.method == "GET":
            answers["304"] = {
                "description": "The answer is the one that the request names",
                "headers": self._headers(304),
            }
        codes = codes_of(self._endpoint, self.method, has_id="{" in self.path)
        return answers | {str(status): self._refusal(status, named) for status, named in codes.items()}

    def _headers(self, status: int) -> dict[str, Any]:
        names = ["X-Request-Id"]
        if status in (200, 304) and self.view.etag and self.method == "GET":
            names.append("ETag")
        if status < 300 and self._is_keyed():
            names.append("Idempotent-Replayed")
        return _header_refs(names)

    def _is_keyed(self) -> bool:
        return bool(self.view.operation) and self.method in WRITES

    def _refusal(self, status: int, codes: list[str]) -> Any:
        """The response with this status, as a component if operations share it."""
        name = RESPONSES.get(tuple(codes)) or ("".join(map(str.title, codes[0].split("_"))) if len(codes) == 1 else "")
        names = ["X-Request-Id"]
        if status == 401:
            names.append("WWW-Authenticate")
        if status in WAITS or "REQUEST_IN_PROGRESS" in codes:
            names.append("Retry-After")
        envelope = self.resolve_serializer(ErrorEnvelope, "response").ref
        response = {
            "description": " or ".join(f"`{code}`" for code in codes),
            "headers": _header_refs(names),
            "content": {
                "application/json": {
                    "schema": envelope,
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
                }
            },
        }
        if not name:
            return response
        shared = ResolvedComponent(name, ResolvedComponent.RESPONSE, response, ComponentIdentity(name))
        self.registry.register_on_missing(shared)
        return shared.ref

    def _methods(self) -> list[str]:
        return [name for name in ("get", "post", "put", "patch", "delete") if hasattr(self.view, name)]

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, Shape | Body):
            schema["additionalProperties"] = False
        for name, field in serializer.fields.items():
            _complete(field, schema["properties"].get(name, {}))
            if isinstance(serializer, Body):
                schema["properties"][name].pop("default", None)  # generators require what has a default
        return schema


def _complete(field: serializers.Field, schema: dict[str, Any]) -> None:
    """Say of a text of a request that it is not blank, and nothing of an answer's members that they are read-only."""
    schema.pop("readOnly", None)
    if isinstance(field, StrictChar) and field.pattern:
        schema["pattern"] = field.pattern
    elif isinstance(field, StrictChar) and not field.allow_blank:
        schema.setdefault("minLength", 1)
        if field.trim_whitespace:
            schema["pattern"] = SOMETHING_BUT_SPACE


def _header_refs(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
