"""OpenAPI from the endpoints: input, query, output, docstring and authentication."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from drf_spectacular.utils import OpenApiParameter

from core.envelope import ErrorEnvelope
from core.fields import Body, Page, Params
from core.idempotency import KEY_PATTERN
from core.shapes import Shape, outputs


def bases_without_description() -> list[type]:
    """Classes whose docstrings do not describe the classes made from them."""
    return [*get_lib_doc_excludes(), Shape, Body, Params, Page]


class EndpointSchema(AutoSchema):
    """Reads `Input`, `Query`, `Output`, `operation`, `public` and the docstring of an Endpoint."""

    def get_request_serializer(self) -> Any:
        declared = getattr(self.view, "Input", None)
        if declared is None or self.method not in ("POST", "PUT", "PATCH") or not declared().fields:
            return None
        return declared

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Name a nested `Input` after its endpoint: one component each."""
        return type(serializer).__qualname__.replace(".", "")

    def get_response_serializers(self) -> Any:
        return {**outputs(self.view.__class__, self.method), "default": ErrorEnvelope}

    def get_auth(self) -> list[dict[str, Any]]:
        """A bearer token, optional on public endpoints; endpoints without authentication have none."""
        if not self.view.authentication_classes:
            return []
        return [{"bearer": []}, *([{}] if getattr(self.view, "public", False) else [])]

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = []
        query = getattr(self.view, "Query", None)
        if query is not None and self.method == "GET":
            parameters.append(query)
        if getattr(self.view, "etag", False) and self.method == "GET":
            parameters.append(
                OpenApiParameter(
                    "If-None-Match",
                    str,
                    OpenApiParameter.HEADER,
                    description="The `ETag` of an earlier answer. While the answer would be the same: 304, no body.",
                )
            )
        if getattr(self.view, "operation", "") and self.method != "GET":
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key", str, OpenApiParameter.HEADER, required=True, pattern=f"^{KEY_PATTERN}$"
                )
            )
        return parameters

    def get_operation_id(self) -> str:
        name = type(self.view).__name__
        return f"{name[0].lower()}{name[1:]}{self.method.capitalize() if len(self._methods()) > 1 else ''}"

    def _methods(self) -> list[str]:
        return [name for name in ("get", "post", "put", "patch", "delete") if hasattr(self.view, name)]
